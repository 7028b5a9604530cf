// SPDX-License-Identifier: GPL-2.0
//! The layout of the ABI, as it was when someone last looked at it.

mod support;

use std::path::Path;

#[test]
fn the_layout_is_the_one_that_was_agreed_on() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/layout.golden");
    let layout = support::layout_text();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &layout).expect("the golden file can be written");
    }
    let golden = std::fs::read_to_string(&path).expect("uapi/tests/layout.golden is there");
    let advice = "The ABI is not what uapi/tests/layout.golden says. Programs that are compiled \
        already rely on that file. If a byte that they know changed its meaning, raise ABI_VERSION; \
        then run `UPDATE_GOLDEN=1 cargo test -p ferrule-uapi --test golden` and commit the file.";
    support::assert_same_lines(advice, &golden, &layout);
}
