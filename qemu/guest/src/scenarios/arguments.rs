// SPDX-License-Identifier: GPL-2.0
//! Bad arguments to the device: the errno that the ABI promises, and nothing changed.

use std::path::Path;

use anyhow::{ensure, Result};
use ferrule_uapi::ioctl::{
    Change, Info, Load, Read, IOC_COUNTERS, IOC_FLUSH, IOC_HOOKS, IOC_INFO, IOC_LOAD, IOC_PROGRAM,
    IOC_RESET,
};
use ferrule_uapi::limit::MAX_PROGRAM_SIZE;
use ferrule_uapi::{ABI_VERSION, DEVICE_PATH};
use nix::errno::Errno;
use userctl::device::{Device, Error, Expected, Kernel, LoadMode, RawDevice};

use crate::ferrule;
use crate::filter::Filter;
use crate::lab::{Lab, Path as Way};
use crate::packet::Packet;
use crate::runner::Scenario;

use super::hooks::FAMILIES;

/// Every ioctl, the size of its argument, and where its flags and reserved fields are.
const CALLS: &[(&str, u32, usize, &[usize])] = &[
    ("info", IOC_INFO, size_of::<Info>(), &[72, 80, 88, 96]),
    ("load", IOC_LOAD, size_of::<Load>(), &[12, 60]),
    ("flush", IOC_FLUSH, size_of::<Change>(), &[8, 12]),
    ("reset", IOC_RESET, size_of::<Change>(), &[12]),
    ("program", IOC_PROGRAM, size_of::<Read>(), &[8, 12]),
    ("counters", IOC_COUNTERS, size_of::<Read>(), &[8, 12]),
    ("hooks", IOC_HOOKS, size_of::<Read>(), &[8, 12]),
];

/// A ruleset whose being in force can be seen.
const RULES: &str = "table inet t {\n chain c {\n  type filter hook forward priority filter; \
                     policy accept;\n  udp dport 7 counter drop comment \"seven\"\n }\n}\n";

/// The group.
pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        scenario("an-unknown-ioctl-is-refused", unknown_number),
        scenario("an-argument-of-a-wrong-size-is-refused", wrong_size),
        scenario("an-argument-of-a-wrong-version-is-refused", wrong_version),
        scenario("reserved-fields-must-be-zero", reserved_fields),
        scenario("unknown-flags-are-refused", unknown_flags),
        scenario(
            "an-argument-at-a-null-or-kernel-address-is-refused",
            bad_argument_address,
        ),
        scenario(
            "a-misaligned-argument-is-read-all-the-same",
            misaligned_argument,
        ),
        scenario(
            "a-program-at-a-null-or-kernel-address-is-refused",
            bad_program_address,
        ),
        scenario(
            "a-buffer-at-a-null-or-kernel-address-is-refused",
            bad_buffer_address,
        ),
        scenario(
            "a-program-larger-than-the-limit-is-refused",
            oversized_program,
        ),
        scenario(
            "a-truncated-program-is-refused-at-every-length",
            truncated_program,
        ),
        scenario(
            "a-corrupted-program-leaves-the-old-ruleset-in-force",
            corrupted_program,
        ),
        scenario(
            "a-buffer-that-is-too-small-says-what-is-needed",
            small_buffer,
        ),
        scenario("random-ioctls-change-nothing", random_calls),
    ]
}

/// Wraps a trial: a ruleset is loaded before, and must be the one in force after.
fn scenario(name: &str, trial: fn(&Lab, &RawDevice) -> Result<()>) -> Scenario {
    Scenario::new(name, move |lab| {
        Filter::Ferrule.load(lab.router(), RULES)?;
        let generation = ferrule::info(lab.router())?.generation;
        let open = || RawDevice::open(Path::new(DEVICE_PATH));
        let raw = lab.router().inside(open)??;
        trial(lab, &raw)?;
        let now = ferrule::info(lab.router())?.generation;
        ensure!(now == generation, "generation {now}, was {generation}");
        for family in FAMILIES {
            ensure!(
                !lab.send(Way::Forward, &Packet::udp(family, 1, 7))?,
                "not in force"
            );
            ensure!(
                lab.send(Way::Forward, &Packet::udp(family, 1, 8))?,
                "not the old one"
            );
        }
        Ok(())
    })
}

/// An argument that is all right but for what the caller changes.
fn argument(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    put(&mut bytes, 0, size as u32);
    put(&mut bytes, 4, ABI_VERSION);
    bytes
}

fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_ne_bytes());
}

fn put64(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_ne_bytes());
}

fn expect(what: &str, got: Result<(), Errno>, expected: Errno) -> Result<()> {
    ensure!(
        got == Err(expected),
        "{what}: {got:?}, expected {expected:?}"
    );
    Ok(())
}

fn unknown_number(_: &Lab, raw: &RawDevice) -> Result<()> {
    let mut bytes = argument(size_of::<Change>());
    // Next number, other direction, other size, other type, nothing at all.
    let near = [
        IOC_HOOKS + 1,
        IOC_FLUSH & !(1 << 30),
        IOC_FLUSH + (8 << 16),
        IOC_FLUSH ^ 0x100,
        0,
    ];
    for number in near {
        let got = raw.call(number, &mut bytes, 0);
        expect(&format!("{number:#x}"), got, Errno::ENOTTY)?;
    }
    Ok(())
}

fn wrong_size(_: &Lab, raw: &RawDevice) -> Result<()> {
    for &(name, number, size, _) in CALLS {
        for wrong in [0, 1, size - 1, size + 1, size - 8, size + 8, usize::MAX] {
            let mut bytes = argument(size);
            put(&mut bytes, 0, wrong as u32);
            let got = raw.call(number, &mut bytes, 0);
            expect(&format!("{name} of {wrong} bytes"), got, Errno::EINVAL)?;
        }
    }
    Ok(())
}

fn wrong_version(_: &Lab, raw: &RawDevice) -> Result<()> {
    for &(name, number, size, _) in CALLS {
        for version in [0, ABI_VERSION + 1, u32::MAX] {
            let mut bytes = argument(size);
            put(&mut bytes, 4, version);
            let got = raw.call(number, &mut bytes, 0);
            expect(&format!("{name} version {version}"), got, Errno::EPROTO)?;
        }
    }
    Ok(())
}

fn reserved_fields(_: &Lab, raw: &RawDevice) -> Result<()> {
    for &(name, number, size, fields) in CALLS {
        for &at in fields {
            for value in [1, 1 << 31] {
                let mut bytes = argument(size);
                put(&mut bytes, at, value);
                let got = raw.call(number, &mut bytes, 0);
                expect(
                    &format!("{name}, {value:#x} at byte {at}"),
                    got,
                    Errno::EINVAL,
                )?;
            }
        }
    }
    Ok(())
}

fn unknown_flags(_: &Lab, raw: &RawDevice) -> Result<()> {
    for (name, number, size, flags) in [
        ("load", IOC_LOAD, size_of::<Load>(), [2, 3, 1 << 31]),
        ("reset", IOC_RESET, size_of::<Change>(), [0, 8, 15]),
    ] {
        for flags in flags {
            let mut bytes = argument(size);
            put(&mut bytes, 8, flags);
            let got = raw.call(number, &mut bytes, 0);
            expect(&format!("{name} with flags {flags:#x}"), got, Errno::EINVAL)?;
        }
    }
    Ok(())
}

fn bad_argument_address(_: &Lab, raw: &RawDevice) -> Result<()> {
    for &(name, number, ..) in CALLS {
        expect(name, raw.call_with_null(number), Errno::EFAULT)?;
        expect(name, raw.call_with_kernel_address(number), Errno::EFAULT)?;
    }
    Ok(())
}

fn misaligned_argument(_: &Lab, raw: &RawDevice) -> Result<()> {
    for shift in 1..8 {
        let mut bytes = argument(size_of::<Info>());
        let got = raw.call(IOC_INFO, &mut bytes, shift);
        ensure!(got.is_ok(), "shifted by {shift}: {got:?}");
        ensure!(bytes[8..16] != [0; 8], "shifted by {shift}: no generation");
        let mut bytes = argument(size_of::<Load>() - 1);
        let got = raw.call(IOC_LOAD, &mut bytes, shift);
        ensure!(got.is_err(), "a bad argument shifted by {shift} is taken");
    }
    Ok(())
}

/// A null, an unmapped and a kernel address.
const NOWHERE: [u64; 4] = [0, 8, 1 << 63 | 0x1000, u64::MAX];

fn bad_program_address(_: &Lab, raw: &RawDevice) -> Result<()> {
    for address in NOWHERE {
        for len in [1_u64, 4096, u64::from(MAX_PROGRAM_SIZE)] {
            let mut bytes = argument(size_of::<Load>());
            put64(&mut bytes, 24, address);
            put64(&mut bytes, 32, len);
            let got = raw.call(IOC_LOAD, &mut bytes, 0);
            ensure!(
                matches!(got, Err(Errno::EFAULT | Errno::EINVAL)),
                "{len} bytes at {address:#x}: {got:?}"
            );
        }
    }
    Ok(())
}

fn bad_buffer_address(_: &Lab, raw: &RawDevice) -> Result<()> {
    for (name, number) in [
        ("program", IOC_PROGRAM),
        ("counters", IOC_COUNTERS),
        ("hooks", IOC_HOOKS),
    ] {
        for address in [0, 1 << 63 | 0x1000, u64::MAX] {
            let mut bytes = argument(size_of::<Read>());
            put64(&mut bytes, 24, address);
            put64(&mut bytes, 32, 1 << 20);
            let got = raw.call(number, &mut bytes, 0);
            expect(&format!("{name} to {address:#x}"), got, Errno::EFAULT)?;
        }
    }
    Ok(())
}

fn oversized_program(_: &Lab, raw: &RawDevice) -> Result<()> {
    for len in [u64::from(MAX_PROGRAM_SIZE) + 1, 1 << 40, u64::MAX] {
        let mut bytes = argument(size_of::<Load>());
        put64(&mut bytes, 24, 8);
        put64(&mut bytes, 32, len);
        let got = raw.call(IOC_LOAD, &mut bytes, 0);
        expect(&format!("{len} bytes"), got, Errno::E2BIG)?;
    }
    Ok(())
}

/// The program that is loaded, for changing it.
fn loaded(lab: &Lab) -> Result<(Device, Vec<u8>)> {
    let mut device = ferrule::device(lab.router())?;
    let program = device.program()?.value;
    Ok((device, program))
}

fn refused(device: &mut Device, program: &[u8], what: &str) -> Result<()> {
    let got = device.load(program, &[], Expected::Any, LoadMode::Publish);
    ensure!(matches!(got, Err(Error::Refused(_))), "{what}: {got:?}");
    Ok(())
}

fn truncated_program(lab: &Lab, _: &RawDevice) -> Result<()> {
    let (mut device, program) = loaded(lab)?;
    for len in 0..program.len() {
        refused(
            &mut device,
            &program[..len],
            &format!("{len} of {} bytes", program.len()),
        )?;
    }
    let longer = [program.as_slice(), &[0; 8]].concat();
    refused(&mut device, &longer, "eight bytes too many")
}

/// Every byte of the header and the code in turn. A change may still make a program that verifies
/// (another port): a dry run tells, and nothing is published either way.
fn corrupted_program(lab: &Lab, _: &RawDevice) -> Result<()> {
    let (mut device, program) = loaded(lab)?;
    let generation = device.info()?.generation;
    let mut refusals = 0;
    for at in 0..program.len().min(1024) {
        let mut bytes = program.clone();
        bytes[at] ^= 0xff;
        match device.load(&bytes, &[], Expected::Any, LoadMode::DryRun) {
            Ok(now) => ensure!(now == generation, "a dry run gives generation {now}"),
            Err(Error::Refused(_)) => {
                refusals += 1;
                refused(&mut device, &bytes, &format!("byte {at} changed"))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    ensure!(refusals > 100, "only {refusals} of the changes are refused");
    Ok(())
}

fn small_buffer(_: &Lab, raw: &RawDevice) -> Result<()> {
    for (name, number, expected) in [("counters", IOC_COUNTERS, 1), ("hooks", IOC_HOOKS, 10)] {
        let mut bytes = argument(size_of::<Read>());
        let got = raw.call(number, &mut bytes, 0);
        expect(name, got, Errno::ENOSPC)?;
        let count = u64::from_ne_bytes(bytes[40..48].try_into()?);
        ensure!(count == expected, "{name}: {count} elements");
    }
    Ok(())
}

/// Numbers near the real ones with arguments of noise; only the sizes are right, at times.
fn random_calls(_: &Lab, raw: &RawDevice) -> Result<()> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..2000 {
        let (_, number, size, _) = CALLS[random() as usize % CALLS.len()];
        let mut bytes: Vec<u8> = (0..size).map(|_| random() as u8).collect();
        if random() % 2 == 0 {
            put(&mut bytes, 0, size as u32);
        }
        // The version is never right: right calls are other scenarios' matter.
        put(&mut bytes, 4, ABI_VERSION + 1 + (random() as u32 >> 8));
        let got = raw.call(number, &mut bytes, random() as usize % 8);
        ensure!(got.is_err(), "{number:#x}: {got:?} for {bytes:x?}");
    }
    Ok(())
}
