//! Writes records of which some parts may be absent: left out where people read, written as absent
//! where the format does not describe itself.
//!
//! `skip_serializing_if` alone would leave them out everywhere, and a reader of postcard, which
//! knows parts by their place, would take the next part for the absent one.

use super::Data;

/// A part that may be absent.
pub(super) trait Absent {
    /// Whether it is.
    fn is_absent(&self) -> bool;
}

impl<T> Absent for Option<T> {
    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl Absent for Data {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

/// Implements `Serialize` for a struct: its fields in their order, each `always` there or `maybe`.
macro_rules! sparse {
    ($name:ident { $($field:ident: $there:ident),* $(,)? }) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeStruct as _;
                let readable = to.is_human_readable();
                let left_out = |absent: bool| readable && absent;
                let all = [$(left_out(sparse!(@$there self $field))),*];
                let count = all.iter().filter(|absent| !**absent).count();
                let mut parts = to.serialize_struct(stringify!($name), count)?;
                $(
                    if left_out(sparse!(@$there self $field)) {
                        parts.skip_field(stringify!($field))?;
                    } else {
                        parts.serialize_field(stringify!($field), &self.$field)?;
                    }
                )*
                parts.end()
            }
        }
    };
    (@maybe $self:ident $field:ident) => {
        $crate::logic::event::absent::Absent::is_absent(&$self.$field)
    };
    (@always $self:ident $field:ident) => {
        false
    };
}

pub(super) use sparse;
