// SPDX-License-Identifier: GPL-2.0
//! A pcapng file with the packets of a capture, each with a comment more.

use std::borrow::Cow;
use std::io::{self, Write};

use pcap_parser::{
    EnhancedPacketBlock, InterfaceDescriptionBlock, Linktype, OptionCode, PcapNGOption,
    SectionHeaderBlock, ToVec,
};

use super::capture::{Interface, Record};

/// Writes a capture.
pub struct Writer<W> {
    to: W,
    /// How many interfaces have been described.
    interfaces: usize,
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn new(mut to: W) -> io::Result<Self> {
        let mut section = SectionHeaderBlock {
            block_type: 0,
            block_len1: 0,
            bom: 0,
            major_version: 1,
            minor_version: 0,
            section_len: -1,
            options: vec![text(OptionCode::ShbUserAppl, "userctl simulate")],
            block_len2: 0,
        };
        to.write_all(&bytes_of(&mut section)?)?;
        Ok(Self { to, interfaces: 0 })
    }

    /// Writes a packet with its comments and one more. `interfaces` are those of its capture.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn packet(
        &mut self,
        interfaces: &[Interface],
        record: &Record,
        comment: &str,
    ) -> io::Result<()> {
        for interface in interfaces.iter().skip(self.interfaces) {
            self.interface(interface)?;
        }
        let time = record.time.unwrap_or(0);
        let comments = record.comments.iter().map(String::as_str);
        let mut block = EnhancedPacketBlock {
            block_type: 0,
            block_len1: 0,
            if_id: u32::try_from(record.interface).unwrap_or(u32::MAX),
            ts_high: (time >> 32) as u32,
            ts_low: time as u32,
            caplen: u32::try_from(record.data.len()).unwrap_or(u32::MAX),
            origlen: record.len,
            data: &record.data,
            options: comments
                .chain([comment])
                .map(|comment| text(OptionCode::Comment, comment))
                .collect(),
            block_len2: 0,
        };
        self.to.write_all(&bytes_of(&mut block)?)
    }

    /// Ends the file.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.to.flush()
    }

    fn interface(&mut self, interface: &Interface) -> io::Result<()> {
        let name = interface.name.as_deref();
        let mut block = InterfaceDescriptionBlock {
            block_type: 0,
            block_len1: 0,
            linktype: Linktype(interface.link as i32),
            reserved: 0,
            snaplen: interface.snaplen,
            options: name
                .map(|name| text(OptionCode::IfName, name))
                .into_iter()
                .collect(),
            block_len2: 0,
            // Nanoseconds.
            if_tsresol: 9,
            if_tsoffset: 0,
        };
        self.interfaces += 1;
        self.to.write_all(&bytes_of(&mut block)?)
    }
}

/// An option that is a text; cut at what the format has room for.
fn text(code: OptionCode, value: &str) -> PcapNGOption<'_> {
    let mut end = value.len().min(usize::from(u16::MAX));
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    PcapNGOption {
        code,
        len: end as u16,
        value: Cow::Borrowed(value.as_bytes().get(..end).unwrap_or_default()),
    }
}

fn bytes_of(block: &mut impl ToVec) -> io::Result<Vec<u8>> {
    let bytes = block.to_vec();
    bytes.map_err(|error| io::Error::other(format!("the block cannot be written: {error:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::capture::Reader;

    /// A pcap file of one packet: three bytes captured of five, at 1 s 2 µs.
    fn small() -> Vec<u8> {
        let header: [u32; 6] = [0xa1b2_c3d4, 4 << 16 | 2, 0, 0, 3, 101];
        let packet: [u32; 4] = [1, 2, 3, 5];
        let words = header.iter().chain(&packet).flat_map(|w| w.to_le_bytes());
        words.chain([7, 8, 9]).collect()
    }

    #[test]
    fn a_capture_is_the_same_but_for_the_comment() {
        let bytes = small();
        let mut reader = Reader::new(&bytes[..]).unwrap();
        let record = reader.next_record().unwrap().unwrap();
        assert_eq!(record.time, Some(1_000_002_000));
        let mut written = Vec::new();
        let mut writer = Writer::new(&mut written).unwrap();
        for comment in ["one", "größer"] {
            writer
                .packet(reader.interfaces(), &record, comment)
                .unwrap();
        }
        writer.finish().unwrap();
        assert_eq!(reader.next_record(), Ok(None));

        let mut again = Reader::new(&written[..]).unwrap();
        for (number, comment) in [(1, "one"), (2, "größer")] {
            let mut expected = record.clone();
            expected.number = number;
            expected.comments.push(comment.to_owned());
            assert_eq!(again.next_record(), Ok(Some(expected)));
        }
        assert_eq!(again.next_record(), Ok(None));
        assert_eq!(again.interfaces()[0].link, 101);
    }
}
