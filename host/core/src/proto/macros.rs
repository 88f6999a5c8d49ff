//! Declares messages, alternatives and enums as tables of numbers, names and types, and nothing more.

/// A protobuf message: a struct whose fields have numbers. Fields that are not declared are kept in `unknown`.
macro_rules! message {
    ($($(#[$meta:meta])* pub struct $name:ident {
        $($(#[$field_meta:meta])* $tag:literal => $field:ident: $ty:ty,)*
        $(oneof $(#[$one_meta:meta])* $one:ident: $one_ty:ty,)?
    })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $ty,)*
            $($(#[$one_meta])* pub $one: Option<$one_ty>,)?
            /// Fields that have no name here, kept as they came.
            pub unknown: $crate::proto::Unknown,
        }

        impl $crate::proto::Message for $name {
            fn encode(&self, out: &mut alloc::vec::Vec<u8>) {
                $(if !$crate::proto::Field::is_empty(&self.$field) {
                    $crate::proto::Field::encode(&self.$field, $tag, out);
                })*
                $(if let Some(one) = &self.$one {
                    $crate::proto::OneOf::encode(one, out);
                })?
                out.extend_from_slice(self.unknown.as_slice());
            }

            fn merge(
                &mut self,
                tag: u32,
                value: $crate::proto::Value<'_>,
            ) -> Result<(), $crate::proto::DecodeError> {
                match tag {
                    $($tag => return $crate::proto::Field::merge(&mut self.$field, value),)*
                    _ => {}
                }
                $(let Some(value) = $crate::proto::OneOf::merge(&mut self.$one, tag, value)? else {
                    return Ok(());
                };)?
                self.unknown.push(tag, &value);
                Ok(())
            }

            fn entries<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
                $(if !$crate::proto::Field::is_empty(&self.$field) {
                    let key = $crate::proto::camel_case(stringify!($field));
                    map.serialize_entry(&key, &$crate::proto::Json(&self.$field))?;
                })*
                $(if let Some(one) = &self.$one {
                    $crate::proto::OneOf::entry(one, map)?;
                })?
                let _ = map;
                Ok(())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::proto::write_message(self, serializer)
            }
        }
    )*};
}

/// The alternatives of a `oneof`: number, variant, message, and the name that proto3 JSON gives it.
macro_rules! one_of {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$variant_meta:meta])* $tag:literal => $variant:ident($ty:ty) = $json:literal,)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name {
            $($(#[$variant_meta])* $variant($ty),)*
        }

        impl $crate::proto::OneOf for $name {
            fn encode(&self, out: &mut alloc::vec::Vec<u8>) {
                match self {
                    $(Self::$variant(message) => $crate::proto::put_len($tag, out, |out| {
                        $crate::proto::Message::encode(message, out);
                    }),)*
                }
            }

            fn merge<'a>(
                slot: &mut Option<Self>,
                tag: u32,
                value: $crate::proto::Value<'a>,
            ) -> Result<Option<$crate::proto::Value<'a>>, $crate::proto::DecodeError> {
                match tag {
                    $($tag => {
                        let $crate::proto::Value::Len(reader) = value else {
                            return Err($crate::proto::DecodeError::Mismatch);
                        };
                        let mut message = <$ty as Default>::default();
                        $crate::proto::Message::merge_all(&mut message, reader)?;
                        *slot = Some(Self::$variant(message));
                        Ok(None)
                    })*
                    _ => Ok(Some(value)),
                }
            }

            fn entry<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
                match self {
                    $(Self::$variant(message) => map.serialize_entry($json, message),)*
                }
            }
        }
    };
}

/// An enum whose unknown numbers are kept. `Unspecified` is 0.
macro_rules! open_enum {
    ($($(#[$meta:meta])* pub enum $name:ident($prefix:literal) {
        $($(#[$variant_meta:meta])* $number:literal => $variant:ident = $text:literal,)*
    })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            /// Not given.
            #[default]
            Unspecified,
            $($(#[$variant_meta])* $variant,)*
            /// A number that has no name here.
            Unknown(i32),
        }

        impl $name {
            /// Its number in Temporal's API.
            pub fn number(self) -> i32 {
                match self {
                    Self::Unspecified => 0,
                    $(Self::$variant => $number,)*
                    Self::Unknown(number) => number,
                }
            }

            /// The value with that number.
            pub fn from_number(number: i32) -> Self {
                match number {
                    0 => Self::Unspecified,
                    $($number => Self::$variant,)*
                    number => Self::Unknown(number),
                }
            }

            /// Its name in Temporal's API, without the enum's prefix.
            pub fn name(self) -> &'static str {
                match self {
                    Self::Unspecified => "UNSPECIFIED",
                    $(Self::$variant => $text,)*
                    Self::Unknown(_) => "UNKNOWN",
                }
            }
        }

        impl $crate::proto::Field for $name {
            fn is_empty(&self) -> bool {
                self.number() == 0
            }
            fn encode(&self, tag: u32, out: &mut alloc::vec::Vec<u8>) {
                $crate::proto::Field::encode(&self.number(), tag, out);
            }
            fn merge(
                &mut self,
                value: $crate::proto::Value<'_>,
            ) -> Result<(), $crate::proto::DecodeError> {
                let mut number = 0i32;
                $crate::proto::Field::merge(&mut number, value)?;
                *self = Self::from_number(number);
                Ok(())
            }
            fn json<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    Self::Unknown(number) => serializer.serialize_i32(*number),
                    known => serializer.collect_str(&format_args!("{}{}", $prefix, known.name())),
                }
            }
        }
    )*};
}

pub(crate) use {message, one_of, open_enum};
