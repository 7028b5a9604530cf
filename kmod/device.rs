// SPDX-License-Identifier: GPL-2.0
//! `/dev/ferrule`: requests from user space.
//!
//! A descriptor belongs to the network namespace that its opener was in, and keeps it alive. The device node is
//! root's alone (`0600`, what devtmpfs gives a misc device); beyond that, whoever makes a request that changes
//! something must have `CAP_NET_ADMIN` in the user namespace that owns the network namespace, at the time
//! of the request.
//!
//! An ioctl is answered in three steps: `device/argument` copies the structure and checks it, `namespace`
//! does what it says, and what is *out* in the structure is written back. This is the only file that
//! turns refusals into errno; `ferrule_uapi::ioctl` has the table. 32-bit programs use the same structures
//! (`compat_ptr_ioctl()`).

mod argument;

use ferrule_engine::Refusal;
use ferrule_uapi::{
    ioctl::{
        Change, Info, Load, Read, IOC_COUNTERS, IOC_FLUSH, IOC_HOOKS, IOC_INFO, IOC_LOAD,
        IOC_PROGRAM, IOC_RESET, LOAD_DRY_RUN, RESET_COUNTERS, RESET_HOOKS,
    },
    NONE,
};
use kernel::{
    fs::File,
    miscdevice::{MiscDevice, MiscDeviceRegistration},
    prelude::*,
    sync::{aref::ARef, Arc},
    uaccess::{UserPtr, UserSlice},
};
use zerocopy::{Immutable, IntoBytes};

use crate::{
    abstractions::{
        net_namespace::{self, Net},
        percpu::possible_cpus,
    },
    namespace::{is_expected, Namespace, Snapshot},
    ruleset::{Draft, ProgramBytes, Refused},
};
use argument::Argument;

/// What an open descriptor of the device refers to.
pub(crate) struct Descriptor {
    net: ARef<Net>,
    namespace: Arc<Namespace>,
}

#[vtable]
impl MiscDevice for Descriptor {
    type Ptr = KBox<Self>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<KBox<Self>> {
        let net = Net::current().ok_or(ENODEV)?;
        let namespace = net_namespace::state(&net).ok_or(ENODEV)?;
        Ok(KBox::new(
            Descriptor { net, namespace },
            GFP_KERNEL_ACCOUNT,
        )?)
    }

    fn ioctl(me: &Self, _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        let user = UserPtr::from_addr(arg);
        match cmd {
            IOC_INFO => me.info(user),
            IOC_LOAD => me.load(user),
            IOC_FLUSH => me.flush(user),
            IOC_RESET => me.reset(user),
            IOC_PROGRAM => me.program(user),
            IOC_COUNTERS => me.counters(user),
            IOC_HOOKS => me.hooks(user),
            _ => Err(ENOTTY),
        }?;
        Ok(0)
    }
}

impl Descriptor {
    /// Refuses whoever may not change this namespace.
    fn authorize(&self) -> Result {
        if self.net.may_administer() {
            Ok(())
        } else {
            Err(EPERM)
        }
    }

    fn info(&self, user: UserPtr) -> Result {
        let Info { size, version, .. } = Info::read(user, 0)?;
        let mut info = Info {
            size,
            version,
            cpus: possible_cpus(),
            ..Info::default()
        };
        self.namespace.describe(&mut info);
        info.write(user)
    }

    fn load(&self, user: UserPtr) -> Result {
        let mut load = Load::read(user, LOAD_DRY_RUN)?;
        self.authorize()?;
        let address = usize::try_from(load.program).map_err(|_| EFAULT)?;
        let bytes = ProgramBytes::copy(UserPtr::from_addr(address), load.program_size)?;
        let draft = match Draft::new(bytes) {
            Ok(draft) => draft,
            Err(Refused::System(error)) => return Err(error),
            Err(Refused::Program(refusal)) => return Err(explain(user, load, refusal)),
        };
        let dry_run = load.flags & LOAD_DRY_RUN != 0;
        load.generation = self
            .namespace
            .load(draft, load.expected_generation, dry_run)?;
        (load.error_code, load.error_section, load.error_index) = (0, NONE, 0);
        load.write(user)
    }

    fn flush(&self, user: UserPtr) -> Result {
        let mut change = Change::read(user, 0)?;
        self.authorize()?;
        change.generation = self.namespace.flush(change.expected_generation)?;
        change.write(user)
    }

    fn reset(&self, user: UserPtr) -> Result {
        let mut change = Change::read(user, RESET_COUNTERS | RESET_HOOKS)?;
        if change.flags == 0 {
            return Err(EINVAL);
        }
        self.authorize()?;
        change.generation = self
            .namespace
            .reset(change.expected_generation, change.flags)?;
        change.write(user)
    }

    fn program(&self, user: UserPtr) -> Result {
        let read = Read::read(user, 0)?;
        let ruleset = self.namespace.ruleset();
        let program = ruleset.loaded.as_ref().map(|loaded| loaded.program());
        let bytes = program.map_or(&[][..], |program| program.bytes());
        answer(user, read, bytes, ruleset.generation)
    }

    fn counters(&self, user: UserPtr) -> Result {
        let read = Read::read(user, 0)?;
        let Snapshot { values, generation } = self.namespace.counters()?;
        answer(user, read, &values, generation)
    }

    fn hooks(&self, user: UserPtr) -> Result {
        let read = Read::read(user, 0)?;
        let Snapshot { values, generation } = self.namespace.hooks()?;
        answer(user, read, &values, generation)
    }
}

/// Says in the structure why the program was refused; the errno to return.
fn explain(user: UserPtr, mut load: Load, refusal: Refusal) -> Error {
    load.error_code = refusal.error as u32;
    load.error_section = refusal.section.map_or(NONE, |section| section as u32);
    load.error_index = refusal.index;
    load.write(user).err().unwrap_or(EINVAL)
}

/// Copies `values` to the buffer that `read` names, if they are of the generation that it expects, and
/// fit. It is told in any case how many there are.
fn answer<T>(user: UserPtr, mut read: Read, values: &[T], generation: u64) -> Result
where
    T: IntoBytes + Immutable,
{
    read.count = values.len() as u64;
    let refusal = if !is_expected(read.expected_generation, generation) {
        Some(ESTALE)
    } else if read.capacity < read.count {
        Some(ENOSPC)
    } else {
        None
    };
    if let Some(error) = refusal {
        return Err(read.write(user).err().unwrap_or(error));
    }
    let buffer = usize::try_from(read.buffer).map_err(|_| EFAULT)?;
    let bytes = values.as_bytes();
    let mut writer = UserSlice::new(UserPtr::from_addr(buffer), bytes.len()).writer();
    writer.write_slice(bytes)?;
    read.generation = generation;
    read.write(user)
}
