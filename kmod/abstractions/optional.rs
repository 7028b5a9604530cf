// SPDX-License-Identifier: GPL-2.0
//! Functions of kernel modules that need not be loaded.
//!
//! C headers: [`include/linux/module.h`](srctree/include/linux/module.h) (`symbol_get()`),
//! [`include/linux/kmod.h`](srctree/include/linux/kmod.h) (`request_module()`)
//!
//! # Why not just link
//!
//! Distributions build conntrack, the rejects, the socket lookup as modules. Were their functions linked
//! to, `insmod ferrule.ko` would fail on a fresh kernel, and whoever has no rule with `ct` would
//! have conntrack in memory nevertheless. So they are looked up when a program that needs them is
//! loaded, after asking user space for the module (modprobe), and the module is held as long as such a
//! program is there.
//!
//! `symbol_get()` hands out what is exported to GPL modules only. That rules out `nf_ct_ext_add()`, and
//! with it `ct timeout` objects.

use core::{marker::PhantomData, ptr::NonNull};

use kernel::{bindings, prelude::*, str::CStr};

/// A reference to a module, taken through one of its symbols.
///
/// # Invariants
///
/// A reference to the module that exports `symbol` is owned by this instance.
pub(super) struct Hold {
    symbol: &'static CStr,
    _no_copies: PhantomData<fn()>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the symbol is there and the reference ours.
        unsafe { bindings::__symbol_put(self.symbol.as_char_ptr()) };
    }
}

/// Looks `symbol` up, asking for `module` first if it is not there. The address is good while the hold
/// is. Sleeps.
///
/// # Errors
///
/// `ENOENT` if there is no such symbol even so.
pub(super) fn find(
    module: &'static CStr,
    symbol: &'static CStr,
) -> Result<(NonNull<c_void>, Hold)> {
    let get = || {
        // SAFETY: `symbol` is a C string.
        NonNull::new(unsafe { bindings::__symbol_get(symbol.as_char_ptr()) })
    };
    let address = get().or_else(|| {
        request(module);
        get()
    });
    // INVARIANT: `__symbol_get` took a reference.
    let hold = || Hold {
        symbol,
        _no_copies: PhantomData,
    };
    address.map(|address| (address, hold())).ok_or(ENOENT)
}

/// Asks user space to load `module`, and waits for it. Sleeps.
pub(super) fn request(module: &CStr) {
    // SAFETY: Format and argument are C strings. What it returns says whether modprobe could be run: what
    // counts is whether the symbol is there afterwards.
    unsafe { bindings::__request_module(true, c"%s".as_char_ptr(), module.as_char_ptr()) };
}

/// Declares what is taken from a module: a structure of its functions, which are there while it is.
///
/// Each type is checked against the C header by comparing it with what bindgen made of it.
macro_rules! optional {
    ($(
        $(#[$doc:meta])*
        $vis:vis struct $Name:ident from $module:literal {
            $first:ident: $First:ty,
            $($function:ident: $Function:ty,)*
        }
    )*) => {$(
        $(#[$doc])*
        ///
        /// # Invariants
        ///
        /// The addresses are those of the functions, whose module `_hold` keeps.
        $vis struct $Name {
            $vis $first: $First,
            $($vis $function: $Function,)*
            _hold: $crate::abstractions::optional::Hold,
        }

        const _: () = {
            // Only the types are compared: an unused constant is not compiled into anything.
            const _: $First = $crate::abstractions::bindings::$first;
            $(const _: $Function = $crate::abstractions::bindings::$function;)*
        };

        impl $Name {
            /// Gets the functions, loading the module if need be. Sleeps.
            ///
            /// # Errors
            ///
            /// `ENOENT` if this kernel does not have them.
            $vis fn get() -> kernel::error::Result<Self> {
                use kernel::{c_str, str::CStr};
                const MODULE: &CStr = c_str!($module);
                let find = |symbol| $crate::abstractions::optional::find(MODULE, symbol);
                let ($first, hold) = find(c_str!(stringify!($first)))?;
                $(let ($function, _) = find(c_str!(stringify!($function)))?;)*
                // INVARIANT: All are of one module, which `hold` keeps.
                Ok($Name {
                    // SAFETY: It is the function's address, and the type is that of the C header.
                    $first: unsafe { core::mem::transmute::<core::ptr::NonNull<core::ffi::c_void>, $First>($first) },
                    $(
                        // SAFETY: As above.
                        $function: unsafe { core::mem::transmute::<core::ptr::NonNull<core::ffi::c_void>, $Function>($function) },
                    )*
                    _hold: hold,
                })
            }
        }
    )*};
}
pub(in crate::abstractions) use optional;
