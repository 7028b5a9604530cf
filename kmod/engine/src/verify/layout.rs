// SPDX-License-Identifier: GPL-2.0
//! First pass: the header, and where the sections are.

use ferrule_uapi::{
    error::VerifyError,
    program::{Header, Section, SectionId, MAGIC, PROGRAM_SOURCE_LZ4, SECTION_ALIGN},
    ABI_VERSION,
};
use zerocopy::{FromBytes, IntoBytes};

use super::Refusal;
use crate::program::element;

/// How many sections are known.
const KNOWN: usize = SectionId::ALL.len();

/// Where a section begins, and how many elements it has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extent {
    /// Offset from the beginning of the program, in bytes.
    pub(crate) start: u32,
    /// How many elements: counted once, so that no packet pays for a division.
    pub(crate) count: u32,
}

/// Where the known sections are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout([Extent; KNOWN]);

impl Layout {
    /// Where section `id` is.
    #[inline]
    pub(crate) fn extent(&self, id: SectionId) -> Extent {
        self.0.get(id as usize).copied().unwrap_or_default()
    }
}

/// Checks the header and that the sections follow one another and account for every byte.
pub(super) fn check(bytes: &[u8]) -> Result<Layout, Refusal> {
    let (header, _) =
        Header::ref_from_prefix(bytes).map_err(|_| Refusal::whole(VerifyError::Size))?;
    check_header(header, bytes.len())?;
    let mut layout = Layout([Extent::default(); KNOWN]);
    let mut end = size_of::<Header>() as u32;
    for ((id, section), slot) in SectionId::ALL
        .iter()
        .zip(&header.sections)
        .zip(&mut layout.0)
    {
        end = check_section(bytes, *id, *section, end)?;
        let (_, size) = element(*id);
        *slot = Extent {
            start: section.offset,
            count: section.size.checked_div(size).unwrap_or(0),
        };
    }
    let reserved = header.sections.get(KNOWN..).unwrap_or_default();
    if reserved.iter().any(|s| *s != Section::default()) {
        return Err(Refusal::whole(VerifyError::Section));
    }
    if end != header.size {
        return Err(Refusal::whole(VerifyError::Size));
    }
    Ok(layout)
}

/// Checks everything in the header but the sections.
fn check_header(header: &Header, len: usize) -> Result<(), Refusal> {
    let error = if header.magic != MAGIC {
        VerifyError::Magic
    } else if header.version != ABI_VERSION {
        VerifyError::Version
    } else if header.size as usize != len {
        VerifyError::Size
    } else if header.flags & !PROGRAM_SOURCE_LZ4 != 0
        || header.reserved != [0; 4]
        || header.next_handle == 0
    {
        VerifyError::Reserved
    } else {
        return Ok(());
    };
    Err(Refusal::whole(error))
}

/// Checks that a section begins where the one before it, which ends at `previous_end`, lets it.
/// Returns where it ends.
fn check_section(
    bytes: &[u8],
    id: SectionId,
    section: Section,
    previous_end: u32,
) -> Result<u32, Refusal> {
    let refuse = |error| Refusal::at(error, id, 0);
    let (max, size) = element(id);
    let start = previous_end
        .checked_next_multiple_of(SECTION_ALIGN)
        .ok_or(refuse(VerifyError::Section))?;
    if section.offset != start || section.size.checked_rem(size) != Some(0) {
        return Err(refuse(VerifyError::Section));
    }
    if section.size.checked_div(size) > Some(max) {
        return Err(refuse(VerifyError::TooMany));
    }
    let end = start
        .checked_add(section.size)
        .filter(|end| *end as usize <= bytes.len())
        .ok_or(refuse(VerifyError::Section))?;
    let gap = bytes
        .get(previous_end as usize..start as usize)
        .ok_or(refuse(VerifyError::Section))?;
    if gap.as_bytes().iter().any(|byte| *byte != 0) {
        return Err(refuse(VerifyError::Reserved));
    }
    Ok(end)
}
