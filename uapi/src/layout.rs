// SPDX-License-Identifier: GPL-2.0
//! Descriptions of the ABI's own types, made by the macros that declare them.
//!
//! A structure that is declared through [`abi_struct!`] carries its layout as a constant, and an
//! enumeration declared through [`abi_enum!`] its enumerators: the tests compare these with what a C
//! compiler and bindgen make of the C header, and with a golden file, without a list of their own
//! that could be forgotten.

/// Layout of one field of a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldLayout {
    /// Name, the same in C.
    pub name: &'static str,
    /// Offset in bytes.
    pub offset: usize,
    /// Size in bytes.
    pub size: usize,
}

/// Layout of one structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StructLayout {
    /// Name in C, without `struct`.
    pub c_name: &'static str,
    /// Size in bytes.
    pub size: usize,
    /// Alignment in bytes.
    pub align: usize,
    /// Fields in order.
    pub fields: &'static [FieldLayout],
}

/// One enumeration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnumLayout {
    /// What every enumerator's name begins with in C.
    pub c_prefix: &'static str,
    /// Enumerators in order: name in C without the prefix, value.
    pub variants: &'static [(&'static str, u32)],
}

/// Declares a structure of the ABI: `repr(C)`, zerocopy's traits, and its [`StructLayout`].
macro_rules! abi_struct {
    (
        $(#[$meta:meta])*
        pub struct $name:ident = $c_name:ident {
            $( $(#[$field_meta:meta])* pub $field:ident: $ty:ty, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
        )]
        #[repr(C)]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: $ty, )*
        }

        impl $name {
            /// The layout of this structure.
            pub const LAYOUT: $crate::StructLayout = $crate::StructLayout {
                c_name: stringify!($c_name),
                size: size_of::<$name>(),
                align: align_of::<$name>(),
                fields: &[ $( $crate::FieldLayout {
                    name: stringify!($field),
                    offset: core::mem::offset_of!($name, $field),
                    size: size_of::<$ty>(),
                }, )* ],
            };
        }
    };
}

/// Declares an enumeration of the ABI: an integer on the wire, checked into a Rust enum, with its
/// names for listings and its [`EnumLayout`].
macro_rules! abi_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident: $repr:ident = $prefix:literal {
            $( $(#[$variant_meta:meta])* $variant:ident = $value:literal, $c_name:literal, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr($repr)]
        pub enum $name {
            $( $(#[$variant_meta])* $variant = $value, )*
        }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [$name] = &[ $( $name::$variant, )* ];

            /// The enumerators of this enumeration in C.
            pub const LAYOUT: $crate::EnumLayout = $crate::EnumLayout {
                c_prefix: $prefix,
                variants: &[ $( ($c_name, $value), )* ],
            };

            /// The value that `raw` stands for, or `None` if it stands for none.
            pub const fn from_raw(raw: $repr) -> Option<Self> {
                match raw {
                    $( $value => Some($name::$variant), )*
                    _ => None,
                }
            }

            /// The name in C without the prefix, in capitals.
            pub const fn c_name(self) -> &'static str {
                match self {
                    $( $name::$variant => $c_name, )*
                }
            }
        }
    };
}
