// SPDX-License-Identifier: GPL-2.0
//! Captures, record by record: pcap (either byte order, micro- and nanoseconds) and pcapng.
//!
//! Reading is streaming: a capture may be larger than memory. What stands before a mistake in the file
//! has been handed out when the mistake is reported.

use std::io::Read;

use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{create_reader, Block, OptionCode, PcapBlockOwned, PcapError, PcapNGOption};

/// Bytes that are read at once; a block that is larger has the buffer grow.
const BUFFER: usize = 1 << 18;

/// The largest block that is believed: beyond it, the file is taken for damaged.
const LARGEST_BLOCK: usize = 64 << 20;

/// What can be wrong with a capture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaptureError {
    /// Neither format.
    #[error("no capture: neither pcap nor pcapng")]
    NotACapture,
    /// Nothing in it.
    #[error("no capture: the file is empty")]
    Empty,
    /// The operating system says no.
    #[error("reading the capture fails after {0}")]
    Read(After),
    /// The file ends in the middle of a record.
    #[error("the capture is cut off: it ends in the middle of a record, after {0}")]
    Truncated(After),
    /// What is there is no record.
    #[error("the capture is damaged after {0}")]
    Damaged(After),
    /// A packet names an interface that the file does not describe.
    #[error("the capture is damaged: packet {0} is of an interface that it does not describe")]
    NoInterface(u64),
}

/// How many packets were read before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct After(pub u64);

impl std::fmt::Display for After {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            1 => write!(f, "1 packet"),
            n => write!(f, "{n} packets"),
        }
    }
}

/// Where packets were captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// `LINKTYPE_*`.
    pub link: u32,
    /// Its name, if the capture says.
    pub name: Option<String>,
    /// The most bytes of a packet that were kept; 0 if there was no limit.
    pub snaplen: u32,
    /// Ticks of its clock per second.
    resolution: u64,
    /// Seconds to add to its times.
    offset: i64,
}

/// A captured packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number, from 1.
    pub number: u64,
    /// Index of its interface in [`Reader::interfaces`].
    pub interface: usize,
    /// Nanoseconds since 1970, if the capture says.
    pub time: Option<u64>,
    /// Bytes that it had on the wire.
    pub len: u32,
    /// Those of them that were captured.
    pub data: Vec<u8>,
    /// What somebody wrote about it.
    pub comments: Vec<String>,
}

/// Reads a capture.
pub struct Reader<'a> {
    blocks: Box<dyn PcapReaderIterator + Send + 'a>,
    interfaces: Vec<Interface>,
    /// Index of the present section's first interface.
    section: usize,
    count: u64,
    capacity: usize,
}

/// What a block was.
enum Step {
    Record(Record),
    Other,
}

impl<'a> Reader<'a> {
    /// Begins to read.
    ///
    /// # Errors
    ///
    /// It is no capture.
    pub fn new(from: impl Read + Send + 'a) -> Result<Self, CaptureError> {
        let blocks = create_reader(BUFFER, Whole(from)).map_err(|error| match error {
            PcapError::Eof => CaptureError::Empty,
            PcapError::ReadError => CaptureError::Read(After(0)),
            PcapError::Incomplete(_) => CaptureError::Truncated(After(0)),
            _ => CaptureError::NotACapture,
        })?;
        Ok(Self {
            blocks,
            interfaces: Vec::new(),
            section: 0,
            count: 0,
            capacity: BUFFER,
        })
    }

    /// The interfaces that were described so far.
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// The next packet; `None` at the end.
    ///
    /// # Errors
    ///
    /// The file is cut off or damaged here.
    pub fn next_record(&mut self) -> Result<Option<Record>, CaptureError> {
        let after = After(self.count);
        loop {
            let mut interfaces = std::mem::take(&mut self.interfaces);
            let step = match self.blocks.next() {
                Ok((used, block)) => {
                    let mut place = Place {
                        interfaces: &mut interfaces,
                        section: &mut self.section,
                        number: self.count.saturating_add(1),
                    };
                    Ok((used, place.take(block)))
                }
                Err(error) => Err(Trouble::of(&error)),
            };
            self.interfaces = interfaces;
            match step {
                Ok((used, step)) => {
                    self.blocks.consume(used);
                    if let Step::Record(record) = step? {
                        self.count = record.number;
                        return Ok(Some(record));
                    }
                }
                Err(Trouble::End) => return Ok(None),
                Err(Trouble::Incomplete) => self.refill()?,
                Err(Trouble::TooSmall) => self.grow()?,
                Err(Trouble::CutOff) => return Err(CaptureError::Truncated(after)),
                Err(Trouble::Read) => return Err(CaptureError::Read(after)),
                Err(Trouble::Damaged) => return Err(CaptureError::Damaged(after)),
            }
        }
    }

    /// Reads on, if there is more.
    fn refill(&mut self) -> Result<(), CaptureError> {
        let after = After(self.count);
        if self.blocks.reader_exhausted() {
            return Err(CaptureError::Truncated(after));
        }
        self.blocks.refill().map_err(|error| match error {
            PcapError::ReadError => CaptureError::Read(after),
            _ => CaptureError::Damaged(after),
        })
    }

    /// Makes room for a large block.
    fn grow(&mut self) -> Result<(), CaptureError> {
        self.capacity = self.capacity.saturating_mul(2);
        if self.capacity > LARGEST_BLOCK || !self.blocks.grow(self.capacity) {
            return Err(CaptureError::Damaged(After(self.count)));
        }
        self.refill()
    }
}

/// Why there is no block.
enum Trouble {
    End,
    Incomplete,
    TooSmall,
    CutOff,
    Read,
    Damaged,
}

impl Trouble {
    fn of(error: &PcapError<&[u8]>) -> Self {
        match error {
            PcapError::Eof => Trouble::End,
            PcapError::Incomplete(_) => Trouble::Incomplete,
            PcapError::BufferTooSmall => Trouble::TooSmall,
            PcapError::UnexpectedEof => Trouble::CutOff,
            PcapError::ReadError => Trouble::Read,
            _ => Trouble::Damaged,
        }
    }
}

/// Where in the file a block is.
struct Place<'a> {
    interfaces: &'a mut Vec<Interface>,
    section: &'a mut usize,
    number: u64,
}

impl Place<'_> {
    fn take(&mut self, block: PcapBlockOwned<'_>) -> Result<Step, CaptureError> {
        match block {
            PcapBlockOwned::LegacyHeader(header) => {
                let nanoseconds = header.is_nanosecond_precision();
                self.interfaces.push(Interface {
                    // The upper half says what the end of a frame is.
                    link: header.network.0 as u32 & 0xffff,
                    name: None,
                    snaplen: header.snaplen,
                    resolution: if nanoseconds {
                        1_000_000_000
                    } else {
                        1_000_000
                    },
                    offset: 0,
                });
                Ok(Step::Other)
            }
            PcapBlockOwned::Legacy(packet) => {
                let resolution = self.interface(0)?.resolution;
                let ticks = u64::from(packet.ts_sec)
                    .saturating_mul(resolution)
                    .saturating_add(packet.ts_usec.into());
                self.record(0, Some(ticks), packet.origlen, packet.data, Vec::new())
            }
            PcapBlockOwned::NG(block) => self.take_ng(block),
        }
    }

    fn take_ng(&mut self, block: Block<'_>) -> Result<Step, CaptureError> {
        match block {
            Block::SectionHeader(_) => *self.section = self.interfaces.len(),
            Block::InterfaceDescription(idb) => {
                let name = idb.if_name().and_then(Result::ok).map(str::to_owned);
                self.interfaces.push(Interface {
                    link: idb.linktype.0 as u32,
                    name,
                    snaplen: idb.snaplen,
                    resolution: idb.ts_resolution().unwrap_or(1_000_000).max(1),
                    offset: idb.if_tsoffset,
                });
            }
            Block::EnhancedPacket(packet) => {
                let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                let comments = packet.options.iter().filter_map(comment).collect();
                let data = packet.packet_data();
                return self.record(
                    packet.if_id as usize,
                    Some(ticks),
                    packet.origlen,
                    data,
                    comments,
                );
            }
            Block::SimplePacket(packet) => {
                let snaplen = self.interface(0)?.snaplen;
                let kept = if snaplen == 0 {
                    packet.origlen
                } else {
                    packet.origlen.min(snaplen)
                };
                let data = packet.data.get(..kept as usize).unwrap_or(packet.data);
                return self.record(0, None, packet.origlen, data, Vec::new());
            }
            _ => {}
        }
        Ok(Step::Other)
    }

    fn interface(&self, index: usize) -> Result<&Interface, CaptureError> {
        let at = self.section.saturating_add(index);
        let interface = self.interfaces.get(at);
        interface.ok_or(CaptureError::NoInterface(self.number))
    }

    fn record(
        &self,
        interface: usize,
        ticks: Option<u64>,
        len: u32,
        data: &[u8],
        comments: Vec<String>,
    ) -> Result<Step, CaptureError> {
        let clock = self.interface(interface)?;
        Ok(Step::Record(Record {
            number: self.number,
            interface: self.section.saturating_add(interface),
            time: ticks.map(|ticks| clock.nanoseconds(ticks)),
            len: len.max(u32::try_from(data.len()).unwrap_or(u32::MAX)),
            data: data.to_owned(),
            comments,
        }))
    }
}

impl Interface {
    /// A time of its clock in nanoseconds since 1970.
    fn nanoseconds(&self, ticks: u64) -> u64 {
        let since = u128::from(ticks) * 1_000_000_000 / u128::from(self.resolution);
        let offset = i128::from(self.offset) * 1_000_000_000;
        let sum = i128::try_from(since)
            .unwrap_or(i128::MAX)
            .saturating_add(offset);
        u64::try_from(sum.max(0)).unwrap_or(u64::MAX)
    }
}

fn comment(option: &PcapNGOption<'_>) -> Option<String> {
    let text = (option.code == OptionCode::Comment).then(|| option.as_bytes().ok())??;
    Some(String::from_utf8_lossy(text).into_owned())
}

/// Reads as much as was asked for, if there is so much: the parser takes a short read for the end.
struct Whole<R>(R);

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = to.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.0.read(rest) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::annotate::Writer;

    /// A pcap file of two packets, big-endian, in nanoseconds.
    fn pcap() -> Vec<u8> {
        let header: [u32; 6] = [0xa1b2_3c4d, 2 << 16 | 4, 0, 0, 100, 1];
        let mut bytes: Vec<u8> = header.iter().flat_map(|word| word.to_be_bytes()).collect();
        for (at, data) in [(1_u32, &b"one"[..]), (2, b"second")] {
            let len = data.len() as u32;
            let packet = [at, 7, len, len + 1];
            bytes.extend(packet.iter().flat_map(|word| word.to_be_bytes()));
            bytes.extend(data);
        }
        bytes
    }

    fn read(bytes: &[u8]) -> (Vec<Record>, Option<CaptureError>) {
        let mut records = Vec::new();
        let mut reader = match Reader::new(bytes) {
            Ok(reader) => reader,
            Err(error) => return (records, Some(error)),
        };
        loop {
            match reader.next_record() {
                Ok(Some(record)) => records.push(record),
                Ok(None) => return (records, None),
                Err(error) => return (records, Some(error)),
            }
        }
    }

    fn pcapng() -> Vec<u8> {
        let original = pcap();
        let mut reader = Reader::new(&original[..]).unwrap();
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes).unwrap();
        while let Some(record) = reader.next_record().unwrap() {
            writer.packet(reader.interfaces(), &record, "note").unwrap();
        }
        writer.finish().unwrap();
        bytes
    }

    #[test]
    fn both_byte_orders_and_precisions_are_read() {
        let (records, error) = read(&pcap());
        assert_eq!(error, None);
        let [one, two] = &records[..] else {
            panic!("{records:?}");
        };
        assert_eq!((one.number, one.time, one.len), (1, Some(1_000_000_007), 4));
        assert_eq!(
            (&one.data[..], &two.data[..]),
            (&b"one"[..], &b"second"[..])
        );
        assert_eq!(read(&pcapng()).0[1].data, b"second");
    }

    #[test]
    fn a_capture_may_be_cut_anywhere() {
        for whole in [pcap(), pcapng()] {
            let (all, _) = read(&whole);
            for len in 0..whole.len() {
                let (records, error) = read(&whole[..len]);
                assert!(all.starts_with(&records), "cut at {len}");
                assert!(error.is_some() || records.len() < all.len(), "cut at {len}");
            }
        }
    }

    #[test]
    fn no_damage_makes_it_panic_or_go_on_forever() {
        for whole in [pcap(), pcapng()] {
            for at in 0..whole.len() {
                for value in [0, 1, 0x7f, 0x80, 0xff] {
                    let mut damaged = whole.clone();
                    damaged[at] = value;
                    assert!(read(&damaged).0.len() <= 20, "byte {at} is {value}");
                }
            }
        }
    }
}
