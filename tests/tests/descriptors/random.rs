//! Random messages of any type that the descriptors have. What is random depends on the seed alone.

use prost_reflect::{
    Cardinality, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// How deep messages are nested; a failure's causes have no end of their own.
const DEPTH_MAX: usize = 6;

pub(crate) struct Random {
    rng: StdRng,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random { rng: StdRng::seed_from_u64(seed) }
    }

    /// An event of the type that this field of `HistoryEvent` has the attributes of.
    pub(crate) fn event(&mut self, attributes: &FieldDescriptor) -> DynamicMessage {
        let desc = attributes.parent_message().clone();
        let mut event = DynamicMessage::new(desc.clone());
        for field in desc.fields() {
            let one_of_many = field.containing_oneof().is_some();
            let wanted = field == *attributes || ["event_id", "event_time"].contains(&field.name());
            if wanted || (!one_of_many && self.rng.random_bool(0.5)) {
                let value = self.value(&field, 0);
                event.set_field(&field, value);
            }
        }
        let name = attributes.name().trim_end_matches("_event_attributes").to_uppercase();
        let field = desc.get_field_by_name("event_type").expect("every event has a type");
        let Kind::Enum(types) = field.kind() else { panic!("the event's type is an enum") };
        let number = types.get_value_by_name(&format!("EVENT_TYPE_{name}"));
        let number = number.unwrap_or_else(|| panic!("EVENT_TYPE_{name} is missing")).number();
        event.set_field(&field, Value::EnumNumber(number));
        event
    }

    fn message(&mut self, desc: &MessageDescriptor, depth: usize) -> DynamicMessage {
        let mut message = DynamicMessage::new(desc.clone());
        match desc.full_name() {
            "google.protobuf.Timestamp" | "google.protobuf.Duration" => {
                let seconds = self.rng.random_range(0..4_000_000_000i64);
                let nanos = self.rng.random_range(0..1_000_000_000);
                message.set_field_by_name("seconds", Value::I64(seconds));
                message.set_field_by_name("nanos", Value::I32(nanos));
                return message;
            }
            _ => {}
        }
        for field in desc.fields() {
            if depth < DEPTH_MAX && self.rng.random_bool(0.5) {
                // Of alternatives the last one set stays.
                let value = self.value(&field, depth);
                message.set_field(&field, value);
            }
        }
        message
    }

    fn value(&mut self, field: &FieldDescriptor, depth: usize) -> Value {
        let count = self.rng.random_range(0..3);
        if field.is_map() {
            let Kind::Message(entry) = field.kind() else { unreachable!("a map's entry") };
            let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
            assert_eq!(key.kind(), Kind::String, "{} needs another kind of key", field.full_name());
            let entry = |random: &mut Random| {
                (MapKey::String(random.text()), random.single(&value.kind(), depth))
            };
            Value::Map((0..count).map(|_| entry(self)).collect())
        } else if field.cardinality() == Cardinality::Repeated {
            Value::List((0..count).map(|_| self.single(&field.kind(), depth)).collect())
        } else {
            self.single(&field.kind(), depth)
        }
    }

    fn single(&mut self, kind: &Kind, depth: usize) -> Value {
        match kind {
            Kind::Double => Value::F64(self.rng.random_range(-1e9..1e9)),
            Kind::Float => Value::F32(self.rng.random_range(-1e6..1e6)),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(self.rng.random()),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(self.rng.random()),
            Kind::Uint32 | Kind::Fixed32 => Value::U32(self.rng.random()),
            Kind::Uint64 | Kind::Fixed64 => Value::U64(self.rng.random()),
            Kind::Bool => Value::Bool(self.rng.random()),
            Kind::String => Value::String(self.text()),
            Kind::Bytes => {
                let length = self.rng.random_range(0..20);
                Value::Bytes(
                    (0..length).map(|_| self.rng.random::<u8>()).collect::<Vec<_>>().into(),
                )
            }
            Kind::Message(desc) => Value::Message(self.message(desc, depth + 1)),
            Kind::Enum(desc) => {
                let numbers: Vec<i32> = desc.values().map(|value| value.number()).collect();
                Value::EnumNumber(numbers[self.rng.random_range(0..numbers.len())])
            }
        }
    }

    fn text(&mut self) -> String {
        const LETTERS: [char; 9] = ['a', 'Z', '0', ' ', '"', '\\', 'ß', '世', '🦀'];
        let length = self.rng.random_range(0..12);
        (0..length).map(|_| LETTERS[self.rng.random_range(0..LETTERS.len())]).collect()
    }
}
