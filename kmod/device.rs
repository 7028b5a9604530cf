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

use ferrule_engine::{BatchRefusal, Refusal};
use ferrule_uapi::{
    ioctl::{
        Change, Info, Load, Read, ReadSet, ResetValue, SetChange, Subscribe, ERROR_IN_BATCH,
        IOC_CHANGE_SETS, IOC_COUNTERS, IOC_ELEMENTS, IOC_FLUSH, IOC_HOOKS, IOC_INFO, IOC_LOAD,
        IOC_PROGRAM, IOC_RESET, IOC_RESET_VALUE, IOC_STATES, IOC_SUBSCRIBE, LOAD_DRY_RUN, READ_ONE,
        READ_RESET, RESET_COUNTERS, RESET_HOOKS, RESET_STATES,
    },
    limit::{MAX_BATCH_SIZE, MAX_PROGRAM_SIZE},
    set::KEY_BYTES,
    NONE,
};
use kernel::{
    fs::{File, Kiocb},
    iov::IovIterDest,
    miscdevice::{MiscDevice, MiscDeviceRegistration},
    new_mutex,
    prelude::*,
    sync::{aref::ARef, Arc, Mutex},
    uaccess::{UserPtr, UserSlice},
};
use zerocopy::{Immutable, IntoBytes};

use crate::{
    abstractions::{
        kiocb::may_wait,
        net_namespace::{self, Net},
        percpu::possible_cpus,
    },
    events::Subscriber,
    namespace::{is_expected, Namespace, Snapshot},
    ruleset::{Draft, Refused, UserBytes},
};
use argument::Argument;

/// What an open descriptor of the device refers to.
#[pin_data]
pub(crate) struct Descriptor {
    net: ARef<Net>,
    namespace: Arc<Namespace>,
    /// What it has subscribed to.
    #[pin]
    subscriber: Mutex<Option<Arc<Subscriber>>>,
}

#[vtable]
impl MiscDevice for Descriptor {
    type Ptr = Pin<KBox<Self>>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<Pin<KBox<Self>>> {
        let net = Net::current().ok_or(ENODEV)?;
        let namespace = net_namespace::state(&net).ok_or(ENODEV)?;
        let descriptor = pin_init!(Descriptor {
            net,
            namespace,
            subscriber <- new_mutex!(None),
        });
        KBox::pin_init(descriptor, GFP_KERNEL_ACCOUNT)
    }

    fn release(me: Pin<KBox<Self>>, _file: &File) {
        if let Some(subscriber) = &*me.subscriber.lock() {
            // Without memory it stays, and is told of nothing.
            subscriber.leave();
            let _ = me.namespace.subscribe(subscriber, false);
        }
    }

    fn read_iter(kiocb: Kiocb<'_, Self::Ptr>, to: &mut IovIterDest<'_>) -> Result<usize> {
        let me = kiocb.file();
        let subscriber = me.subscriber.lock().clone().ok_or(EINVAL)?;
        let events = subscriber.read(to.len(), may_wait(&kiocb))?;
        match to.copy_to_iter(&events) {
            copied if copied == events.len() => Ok(copied),
            _ => Err(EFAULT),
        }
    }

    fn ioctl(me: Pin<&Self>, _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        let user = UserPtr::from_addr(arg);
        match cmd {
            IOC_INFO => me.info(user),
            IOC_LOAD => me.load(user),
            IOC_FLUSH => me.flush(user),
            IOC_RESET => me.reset(user),
            IOC_PROGRAM => me.program(user),
            IOC_COUNTERS => me.counters(user),
            IOC_HOOKS => me.hooks(user),
            IOC_CHANGE_SETS => me.change_sets(user),
            IOC_ELEMENTS => me.elements(user),
            IOC_STATES => me.states(user),
            IOC_RESET_VALUE => me.reset_value(user),
            IOC_SUBSCRIBE => me.subscribe(user),
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
        let place = match self.try_load(&load) {
            Ok(generation) => {
                load.generation = generation;
                Place::NONE
            }
            Err(Refused::System(error)) => return Err(error),
            Err(Refused::Program(refusal)) => Place::in_program(refusal),
            Err(Refused::Batch(refusal)) => Place::in_batch(refusal),
        };
        load.error_code = place.code;
        load.error_section = place.section;
        load.error_index = place.index;
        load.error_element = place.element;
        load.write(user)?;
        place.errno()
    }

    fn try_load(&self, load: &Load) -> Result<u64, Refused> {
        let most = u64::from(MAX_PROGRAM_SIZE);
        let bytes = UserBytes::copy(load.program, load.program_size, most)?;
        let batch = match load.batch {
            0 if load.batch_size == 0 => None,
            address => Some(UserBytes::copy(address, load.batch_size, MAX_BATCH_SIZE)?),
        };
        let draft = Draft::new(bytes, &self.net)?;
        let dry_run = load.flags & LOAD_DRY_RUN != 0;
        self.namespace
            .load(draft, batch.as_ref(), load.expected_generation, dry_run)
    }

    fn change_sets(&self, user: UserPtr) -> Result {
        let mut change = SetChange::read(user, LOAD_DRY_RUN)?;
        self.authorize()?;
        let batch = UserBytes::copy(change.batch, change.batch_size, MAX_BATCH_SIZE)?;
        let dry_run = change.flags & LOAD_DRY_RUN != 0;
        let expected = change.expected_generation;
        let place = match self.namespace.change_sets(&batch, expected, dry_run) {
            Ok(generation) => {
                change.generation = generation;
                Place::NONE
            }
            Err(Refused::System(error)) => return Err(error),
            Err(Refused::Program(refusal)) => Place::in_program(refusal),
            Err(Refused::Batch(refusal)) => Place::in_batch(refusal),
        };
        change.error_code = place.code;
        change.error_section = place.section;
        change.error_index = place.index;
        change.error_element = place.element;
        change.write(user)?;
        place.errno()
    }

    fn flush(&self, user: UserPtr) -> Result {
        let mut change = Change::read(user, 0)?;
        self.authorize()?;
        let flushed = self.namespace.flush(change.expected_generation);
        change.generation = flushed.map_err(errno)?;
        change.write(user)
    }

    fn reset(&self, user: UserPtr) -> Result {
        let mut change = Change::read(user, RESET_COUNTERS | RESET_HOOKS | RESET_STATES)?;
        if change.flags == 0 {
            return Err(EINVAL);
        }
        self.authorize()?;
        let reset = self
            .namespace
            .reset(change.expected_generation, change.flags);
        change.generation = reset.map_err(errno)?;
        change.write(user)
    }

    fn reset_value(&self, user: UserPtr) -> Result {
        let mut reset = ResetValue::read(user, RESET_COUNTERS | RESET_STATES)?;
        if !matches!(reset.flags, RESET_COUNTERS | RESET_STATES) {
            return Err(EINVAL);
        }
        self.authorize()?;
        let expected = reset.expected_generation;
        let Snapshot { values, generation } =
            self.namespace
                .reset_value(expected, reset.flags, reset.identity)?;
        (reset.a, reset.b, reset.generation) = (values.a, values.b, generation);
        reset.write(user)
    }

    fn elements(&self, user: UserPtr) -> Result {
        let mut read = ReadSet::read(user, READ_ONE | READ_RESET)?;
        let reset = read.flags & READ_RESET != 0;
        let reset = reset.then_some(read.capacity);
        if reset.is_some() {
            self.authorize()?;
        }
        let mut room = [0; KEY_BYTES];
        let key = match read.flags & READ_ONE {
            0 => None,
            _ => Some(self.key(&read, &mut room)?),
        };
        let Snapshot { values, generation } =
            self.namespace
                .elements(read.expected_generation, read.set, key, reset)?;
        read.count = values.len() as u64;
        if read.capacity < read.count {
            return Err(read.write(user).err().unwrap_or(ENOSPC));
        }
        copy_out(read.buffer, &values)?;
        read.generation = generation;
        read.write(user)
    }

    fn subscribe(&self, user: UserPtr) -> Result {
        let subscribe = Subscribe::read(user, 0)?;
        let mut own = self.subscriber.lock();
        if let Some(subscriber) = &*own {
            return subscriber.want(&subscribe);
        }
        let subscriber = Subscriber::new(&subscribe)?;
        subscriber.want(&subscribe)?;
        self.namespace.subscribe(&subscriber, true)?;
        *own = Some(subscriber);
        Ok(())
    }

    /// The key in the buffer of a request for one element.
    fn key<'a>(&self, read: &ReadSet, room: &'a mut [u8; KEY_BYTES]) -> Result<&'a [u8]> {
        let len = self.namespace.key_len(read.set).ok_or(ENOENT)?;
        let key = room.get_mut(..len).ok_or(EINVAL)?;
        if read.capacity < len as u64 {
            return Err(EINVAL);
        }
        let buffer = usize::try_from(read.buffer).map_err(|_| EFAULT)?;
        let mut reader = UserSlice::new(UserPtr::from_addr(buffer), len).reader();
        reader.read_slice(key)?;
        Ok(key)
    }

    fn states(&self, user: UserPtr) -> Result {
        let read = Read::read(user, 0)?;
        let Snapshot { values, generation } = self.namespace.states()?;
        answer(user, read, &values, generation)
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

/// What a structure says of a refusal: what, and where.
struct Place {
    code: u32,
    section: u32,
    index: u32,
    element: u32,
}

impl Place {
    /// Nothing was refused.
    const NONE: Place = Place {
        code: 0,
        section: NONE,
        index: 0,
        element: 0,
    };

    fn in_program(refusal: Refusal) -> Self {
        Place {
            code: refusal.error as u32,
            section: refusal.section.map_or(NONE, |section| section as u32),
            index: refusal.index,
            element: 0,
        }
    }

    fn in_batch(refusal: BatchRefusal) -> Self {
        Place {
            code: refusal.error as u32,
            section: ERROR_IN_BATCH,
            index: refusal.op,
            element: refusal.element,
        }
    }

    /// What the call returns.
    fn errno(&self) -> Result {
        match self.code {
            0 => Ok(()),
            _ => Err(EINVAL),
        }
    }
}

/// The errno of a refusal that has no place.
fn errno(refused: Refused) -> Error {
    match refused {
        Refused::System(error) => error,
        Refused::Program(_) | Refused::Batch(_) => EINVAL,
    }
}

/// Copies `bytes` to the user.
fn copy_out(address: u64, bytes: &[u8]) -> Result {
    let address = usize::try_from(address).map_err(|_| EFAULT)?;
    let mut writer = UserSlice::new(UserPtr::from_addr(address), bytes.len()).writer();
    writer.write_slice(bytes)
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
    copy_out(read.buffer, values.as_bytes())?;
    read.generation = generation;
    read.write(user)
}
