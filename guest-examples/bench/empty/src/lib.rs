//! Returns its input at once: what is left is what the host costs.

bindings::workflow!();

struct Empty;

impl Guest for Empty {
    fn run(input: Vec<Payload>) -> Result<Payload, Failure> {
        Ok(input.into_iter().next().unwrap_or(Payload::Nil))
    }
}
export!(Empty);
