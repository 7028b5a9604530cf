// SPDX-License-Identifier: GPL-2.0
//! Headers between IP and the payload: `ah esp frag rt dst hbh ipv6header mh srh`.
//!
//! iptables takes lengths of headers in octets, nft the field itself, which counts other units.

use crate::import::arguments::{Given, Opt, Use};
use crate::import::extension::Extension;
use crate::import::family::Family;
use crate::import::protocol::{self, AH, ESP, MH};
use crate::import::refusal::{Refusal, Result};
use crate::import::rule::Rule;
use crate::import::values::{not, number, range, Range};

pub(super) const ALL: &[Extension] = &[
    Extension::new("ah", &[Opt::value("ahspi").not()], |used, rule| {
        spi(used, rule, "ahspi", "ah spi")
    })
    .family(Family::Ip)
    .protocols(&[AH]),
    Extension::new(
        "ah",
        &[
            Opt::value("ahspi").not(),
            Opt::value("ahlen").not(),
            Opt::flag("ahres"),
        ],
        ah6,
    )
    .family(Family::Ip6),
    Extension::new("esp", &[Opt::value("espspi").not()], |used, rule| {
        spi(used, rule, "espspi", "esp spi")
    })
    .protocols(&[ESP]),
    Extension::new(
        "frag",
        &[
            Opt::value("fragid").not(),
            Opt::value("fraglen").not(),
            Opt::flag("fragres"),
            Opt::flag("fragfirst"),
            Opt::flag("fragmore").group(1),
            Opt::flag("fraglast").group(1),
        ],
        frag,
    )
    .family(Family::Ip6),
    Extension::new(
        "rt",
        &[
            Opt::value("rt-type").not(),
            Opt::value("rt-segsleft").not(),
            Opt::value("rt-len").not(),
            Opt::flag("rt-0-res"),
            Opt::value("rt-0-addrs"),
            Opt::flag("rt-0-not-strict"),
        ],
        rt,
    )
    .family(Family::Ip6),
    Extension::new(
        "hbh",
        &[Opt::value("hbh-len").not(), Opt::value("hbh-opts")],
        |used, rule| options(used, rule, "hbh"),
    )
    .family(Family::Ip6),
    Extension::new(
        "dst",
        &[Opt::value("dst-len").not(), Opt::value("dst-opts")],
        |used, rule| options(used, rule, "dst"),
    )
    .family(Family::Ip6),
    Extension::new(
        "ipv6header",
        &[Opt::value("header").not().required(), Opt::flag("soft")],
        ipv6header,
    )
    .family(Family::Ip6),
    Extension::new("mh", &[Opt::value("mh-type").not()], mh)
        .family(Family::Ip6)
        .protocols(&[MH]),
    Extension::new(
        "srh",
        &[
            Opt::value("srh-next-hdr").not(),
            Opt::value("srh-hdr-len-eq").not().group(1),
            Opt::value("srh-hdr-len-gt").not().group(1),
            Opt::value("srh-hdr-len-lt").not().group(1),
            Opt::value("srh-segs-left-eq").not().group(2),
            Opt::value("srh-segs-left-gt").not().group(2),
            Opt::value("srh-segs-left-lt").not().group(2),
            Opt::value("srh-last-entry-eq").not().group(3),
            Opt::value("srh-last-entry-gt").not().group(3),
            Opt::value("srh-last-entry-lt").not().group(3),
            Opt::value("srh-tag").not(),
            Opt::value("srh-psid").not(),
            Opt::value("srh-nsid").not(),
            Opt::value("srh-lsid").not(),
        ],
        srh,
    )
    .family(Family::Ip6),
];

/// Whether a field is there is tested by any value that it may have.
const ANY_SPI: Range = Range {
    low: 0,
    high: u32::MAX as u64,
};

fn spi(used: &Use, rule: &mut Rule<'_>, option: &str, field: &str) -> Result<()> {
    let (range, negated) = match used.get(option) {
        Some(given) => (range(&given.word(), u32::MAX.into())?, given.negated),
        None => (ANY_SPI, false),
    };
    rule.transport(format!("{field} {}{range}", not(negated)));
    Ok(())
}

fn ah6(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    if used.given.is_empty() {
        rule.test(format!("ah spi {ANY_SPI}"));
    }
    for given in &used.given {
        match given.option.name {
            "ahspi" => {
                let range = range(&given.word(), u32::MAX.into())?;
                rule.test(format!("ah spi {}{range}", not(given.negated)));
            }
            "ahlen" => ah_length(given, rule)?,
            // The option demands that nothing is in the reserved field.
            _ => rule.test("ah reserved 0"),
        }
    }
    Ok(())
}

/// The length in octets; the field counts units of four, without the first two. 0 is any.
fn ah_length(given: &Given, rule: &mut Rule<'_>) -> Result<()> {
    let octets = number(&given.word(), u32::MAX.into())?;
    let fits = octets % 4 == 0 && (8..=1028).contains(&octets);
    match (octets, fits, given.negated) {
        (0, ..) | (_, false, true) => rule.test(format!("ah spi {ANY_SPI}")),
        (_, false, false) => rule.never(),
        (octets, true, negated) => {
            rule.test(format!("ah hdrlength {}{}", not(negated), octets / 4 - 2));
        }
    }
    Ok(())
}

fn frag(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let mut any = false;
    for given in &used.given {
        any = true;
        match given.option.name {
            "fragid" => {
                let range = range(&given.word(), u32::MAX.into())?;
                rule.test(format!("frag id {}{range}", not(given.negated)));
            }
            "fragfirst" => rule.test("frag frag-off 0"),
            "fragmore" => rule.test("frag more-fragments 1"),
            "fraglast" => rule.test("frag more-fragments 0"),
            name => {
                let message = format!("--{name} has no meaning in today's Linux, or none in nft");
                return Err(Refusal::new(given.span, message).hint("leave it out"));
            }
        }
    }
    if !any {
        rule.test("exthdr frag exists");
    }
    Ok(())
}

/// A header's length in octets, as its field: `None` if no header is as long.
fn length_field(given: &Given) -> Result<Option<u64>> {
    let octets = number(&given.word(), u32::MAX.into())?;
    let fits = octets % 8 == 0 && (8..=2048).contains(&octets);
    Ok(fits.then(|| octets / 8 - 1))
}

/// Tests a header's length.
fn length(given: &Given, rule: &mut Rule<'_>, header: &str) -> Result<()> {
    match (length_field(given)?, given.negated) {
        (Some(field), negated) => {
            rule.test(format!("{header} hdrlength {}{field}", not(negated)));
        }
        (None, false) => rule.never(),
        (None, true) => rule.test(format!("exthdr {header} exists")),
    }
    Ok(())
}

fn rt(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    if used.given.is_empty() {
        rule.test("exthdr rt exists");
    }
    for given in &used.given {
        match given.option.name {
            "rt-type" => {
                let kind = number(&given.word(), 255)?;
                rule.test(format!("rt type {}{kind}", not(given.negated)));
            }
            "rt-segsleft" => {
                let range = range(&given.word(), 255)?;
                rule.test(format!("rt seg-left {}{range}", not(given.negated)));
            }
            "rt-len" => length(given, rule, "rt")?,
            name => {
                let message = format!("nft does not look as far into a routing header as --{name}");
                return Err(
                    Refusal::new(given.span, message).hint("type 0 is forbidden since 2007")
                );
            }
        }
    }
    Ok(())
}

fn options(used: &Use, rule: &mut Rule<'_>, header: &str) -> Result<()> {
    for given in &used.given {
        match given.option.name.ends_with("len") {
            true => length(given, rule, header)?,
            false => {
                return Err(
                    Refusal::new(given.span, "nft does not look into options of IPv6")
                        .hint("`exthdr` and its length can be tested"),
                )
            }
        }
    }
    if used.given.is_empty() {
        rule.test(format!("exthdr {header} exists"));
    }
    Ok(())
}

/// Headers by iptables' names: its number, and nft's name if `exthdr` knows it.
static HEADERS: &[(&str, u8, Option<&str>)] = &[
    ("hop-by-hop", 0, Some("hbh")),
    ("hop", 0, Some("hbh")),
    ("ipv6-opts", 60, Some("dst")),
    ("dst", 60, Some("dst")),
    ("ipv6-route", 43, Some("rt")),
    ("route", 43, Some("rt")),
    ("ipv6-frag", 44, Some("frag")),
    ("frag", 44, Some("frag")),
    ("ipv6-auth", 51, None),
    ("auth", 51, None),
    ("esp", 50, None),
    ("ipv6-nonxt", 59, None),
    ("none", 59, None),
    ("prot", 255, None),
    ("protocol", 255, None),
];

fn ipv6header(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let Some(given) = used.get("header") else {
        return Ok(());
    };
    let mut headers: Vec<(u8, Option<&str>)> = Vec::new();
    for name in given.text().split(',') {
        let known = HEADERS.iter().find(|(known, ..)| *known == name);
        let Some((_, number, exthdr)) = known else {
            let message = format!("`{name}` is no header of IPv6");
            return Err(Refusal::new(given.span, message));
        };
        if !headers.contains(&(*number, *exthdr)) {
            headers.push((*number, *exthdr));
        }
    }
    let refused = || {
        Err(
            Refusal::new(given.span, "nft cannot ask for just these headers")
                .hint("`exthdr hbh exists` and its like ask for one"),
        )
    };
    if used.has("soft") {
        if given.negated || headers.iter().any(|(_, exthdr)| exthdr.is_none()) {
            return refused();
        }
        for header in headers.iter().filter_map(|(_, exthdr)| *exthdr) {
            rule.test(format!("exthdr {header} exists"));
        }
        return Ok(());
    }
    // Without --soft, exactly these headers are there. What ends the chain is one of them.
    let ends = |(number, _): &(u8, Option<&str>)| [50, 59, 255].contains(number);
    match (headers.as_slice(), given.negated) {
        ([(255, _)], false) => rule.test("ip6 nexthdr != { 0, 43, 44, 50, 51, 59, 60 }"),
        ([(255, _)], true) => rule.test("ip6 nexthdr { 0, 43, 44, 50, 51, 59, 60 }"),
        ([end], negated) if ends(end) => {
            rule.test(format!("ip6 nexthdr {}{}", not(negated), end.0));
        }
        (list, negated) if list.iter().filter(|header| ends(header)).count() != 1 => {
            if !negated {
                rule.never();
            }
        }
        _ => return refused(),
    }
    Ok(())
}

fn mh(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    let (range, negated) = match used.get("mh-type") {
        Some(given) => (range(&given.word(), 255)?, given.negated),
        None => (Range { low: 0, high: 255 }, false),
    };
    // A mobility header that is not the last is dropped by iptables as malformed.
    rule.transport(format!("mh nexthdr 59 mh type {}{range}", not(negated)));
    Ok(())
}

/// Options of `srh` that compare, and the field that each does.
static SRH_FIELDS: &[(&str, &str)] = &[
    ("srh-hdr-len", "rt hdrlength"),
    ("srh-segs-left", "rt seg-left"),
    ("srh-last-entry", "srh last-entry"),
];

fn srh(used: &Use, rule: &mut Rule<'_>) -> Result<()> {
    rule.test("rt type 4");
    // The kernel looks only at headers that have no more segments left than segments.
    let pairs: Vec<_> = (0..=255)
        .map(|left| format!("{left} . {left}-255"))
        .collect();
    rule.test(format!(
        "rt seg-left . srh last-entry {{ {} }}",
        pairs.join(", ")
    ));
    for given in &used.given {
        let name = given.option.name;
        let compared = SRH_FIELDS
            .iter()
            .find(|(option, _)| name.starts_with(option));
        match (compared, name) {
            (Some((option, field)), _) => {
                let value = number(&given.word(), 255)?;
                let operator = match (&name[option.len()..], given.negated) {
                    ("-gt", false) => "> ",
                    ("-gt", true) => "<= ",
                    ("-lt", false) => "< ",
                    ("-lt", true) => ">= ",
                    (_, negated) => not(negated),
                };
                // Nothing is less than 0 or more than 255: nft wants no such test.
                match (operator, value) {
                    ("> ", 255) | ("< ", 0) => rule.never(),
                    ("<= ", 255) | (">= ", 0) => {}
                    _ => rule.test(format!("{field} {operator}{value}")),
                }
            }
            (None, "srh-next-hdr") => {
                let number = protocol::number(&given.word())?;
                let name = protocol::name(number);
                rule.test(format!("rt nexthdr {}{name}", not(given.negated)));
            }
            (None, "srh-tag") => {
                let tag = number(&given.word(), 65535)?;
                if tag >> 8 != tag & 0xff {
                    let message = "iptables compares the tag in the machine's order of bytes";
                    let swapped = tag >> 8 | (tag & 0xff) << 8;
                    let hint = format!("on x86 and most others this means `srh tag {swapped}`");
                    return Err(Refusal::new(given.span, message).hint(hint));
                }
                rule.test(format!("srh tag {}{tag}", not(given.negated)));
            }
            (None, _) => {
                return Err(Refusal::new(given.span, "nft has no name for that segment")
                    .hint("`srh sid[1]` is the first in the list"))
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::words::Word;
    use crate::source::Span;

    #[test]
    fn a_length_in_octets_becomes_the_field() {
        static LENGTH: Opt = Opt::value("hbh-len");
        for (octets, field) in [
            ("8", Some(0)),
            ("22", None),
            ("2048", Some(255)),
            ("0", None),
        ] {
            let given = Given {
                option: &LENGTH,
                negated: false,
                values: vec![Word {
                    text: octets.into(),
                    span: Span::default(),
                }],
                span: Span::default(),
            };
            assert_eq!(length_field(&given), Ok(field), "{octets}");
        }
    }
}
