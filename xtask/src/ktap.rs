// SPDX-License-Identifier: GPL-2.0

//! Reads test results as the kernel's tests write them (KTAP version 1, Documentation/dev-tools/ktap.rst).

/// One line of results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// The first line, with the version.
    Version,
    /// How many tests there will be.
    Plan(u64),
    /// How a test came out.
    Result(TestResult),
    /// What a test has to say, without its mark.
    Diagnostic(String),
    /// The rest of the plan will not run, and why.
    BailOut(String),
    /// Anything else.
    Other,
}

/// How a test came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TestResult {
    pub(crate) name: String,
    pub(crate) verdict: TestVerdict,
}

/// The three ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TestVerdict {
    Passed,
    Failed,
    Skipped,
}

/// Reads a line.
pub(crate) fn parse(line: &str) -> Line {
    let line = line.trim_end();
    if line.starts_with("KTAP version ") {
        return Line::Version;
    }
    if let Some(count) = line
        .strip_prefix("1..")
        .and_then(|count| count.trim().parse().ok())
    {
        return Line::Plan(count);
    }
    if let Some(text) = line.trim_start().strip_prefix('#') {
        return Line::Diagnostic(text.trim_start().to_owned());
    }
    if let Some(reason) = line.strip_prefix("Bail out!") {
        return Line::BailOut(reason.trim().to_owned());
    }
    result(line).map_or(Line::Other, Line::Result)
}

/// Reads `ok 3 name`, `not ok 4 - name` or `ok 5 name # SKIP reason`.
fn result(line: &str) -> Option<TestResult> {
    let (passed, rest) = match line.strip_prefix("ok ") {
        Some(rest) => (true, rest),
        None => (false, line.strip_prefix("not ok ")?),
    };
    let (number, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    number.parse::<u64>().ok()?;
    let (name, directive) = rest.split_once(" # ").unwrap_or((rest, ""));
    let verdict = match (passed, directive.to_ascii_uppercase().starts_with("SKIP")) {
        (_, true) => TestVerdict::Skipped,
        (true, false) => TestVerdict::Passed,
        (false, false) => TestVerdict::Failed,
    };
    let name = name.trim().trim_start_matches("- ").to_owned();
    Some(TestResult { name, verdict })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_in_all_their_forms() {
        let cases = [
            ("ok 1 ip-input-drop", "ip-input-drop", TestVerdict::Passed),
            ("not ok 22 - two words", "two words", TestVerdict::Failed),
            (
                "ok 5 sctp # SKIP no sctp in this kernel",
                "sctp",
                TestVerdict::Skipped,
            ),
            ("not ok 6 slow # timed out", "slow", TestVerdict::Failed),
            ("ok 7", "", TestVerdict::Passed),
        ];
        for (line, name, verdict) in cases {
            let expected = TestResult {
                name: name.to_owned(),
                verdict,
            };
            assert_eq!(parse(line), Line::Result(expected), "{line}");
        }
    }

    #[test]
    fn what_only_resembles_a_result_is_none() {
        for line in [
            "okay 1 name",
            "ok x name",
            "not okay",
            "ok",
            "",
            "    ok 1 sub-test",
        ] {
            assert_eq!(parse(line), Line::Other, "{line}");
        }
    }

    #[test]
    fn plan_version_and_remarks_are_told_apart() {
        assert_eq!(parse("KTAP version 1\r"), Line::Version);
        assert_eq!(parse("1..64"), Line::Plan(64));
        assert_eq!(
            parse("# sent 3, received 2"),
            Line::Diagnostic("sent 3, received 2".to_owned())
        );
        assert_eq!(
            parse("Bail out! no module"),
            Line::BailOut("no module".to_owned())
        );
    }
}
