//! `wasi:random`: three interfaces over one generator, which a workflow's run seeds (D7).
//!
//! The generator is xoshiro256** by Blackman and Vigna, seeded by SplitMix64. Open runs depend on its stream: it never changes.

use super::Outside;
use wasmtime::component::{Linker, LinkerInstance};
use wasmtime::{StoreContextMut, format_err};

/// A stream of numbers that follows from a seed.
pub(super) struct Generator {
    seed: u64,
    state: [u64; 4],
}

impl Generator {
    fn new(seed: u64) -> Generator {
        let mut mixed = seed;
        let state = std::array::from_fn(|_| split_mix(&mut mixed));
        Generator { seed, state }
    }

    fn next(&mut self) -> u64 {
        let state = &mut self.state;
        let result = state[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = state[1] << 17;
        state[2] ^= state[0];
        state[3] ^= state[1];
        state[1] ^= state[2];
        state[0] ^= state[3];
        state[2] ^= shifted;
        state[3] = state[3].rotate_left(45);
        result
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The guest's generator; another one from where a reset seeds the run anew.
fn generator<T: Outside>(outside: &mut T) -> &mut Generator {
    let seed = outside.seed();
    let random = &mut outside.wasi().random;
    let kept = random.take().filter(|generator| generator.seed == seed);
    random.insert(kept.unwrap_or_else(|| Generator::new(seed)))
}

fn next<T: Outside>(outside: &mut T) -> u64 {
    generator(outside).next()
}

fn bytes<T: Outside>(outside: &mut T, len: u64) -> wasmtime::Result<Vec<u8>> {
    const BYTES_MAX: u64 = 1 << 20;
    if len > BYTES_MAX {
        return Err(format_err!(
            "the guest asked for {len} random bytes at once; it can have at most {BYTES_MAX}"
        ));
    }
    let len = len as usize;
    let generator = generator(outside);
    let mut bytes = Vec::with_capacity(len.next_multiple_of(8));
    while bytes.len() < len {
        bytes.extend_from_slice(&generator.next().to_le_bytes());
    }
    bytes.truncate(len);
    Ok(bytes)
}

pub(super) fn add_to_linker<T: Outside>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut random = linker.instance("wasi:random/random@0.2.12")?;
    add_draws(&mut random, "get-random-bytes", "get-random-u64")?;
    let mut insecure = linker.instance("wasi:random/insecure@0.2.12")?;
    add_draws(&mut insecure, "get-insecure-random-bytes", "get-insecure-random-u64")?;
    linker.instance("wasi:random/insecure-seed@0.2.12")?.func_wrap(
        "insecure-seed",
        |mut store: StoreContextMut<'_, T>, (): ()| {
            let outside = store.data_mut();
            Ok(((next(outside), next(outside)),))
        },
    )
}

fn add_draws<T: Outside>(
    interface: &mut LinkerInstance<'_, T>,
    bytes_name: &str,
    u64_name: &str,
) -> wasmtime::Result<()> {
    interface.func_wrap(bytes_name, |mut store: StoreContextMut<'_, T>, (len,): (u64,)| {
        Ok((bytes(store.data_mut(), len)?,))
    })?;
    interface.func_wrap(u64_name, |mut store: StoreContextMut<'_, T>, (): ()| {
        Ok((next(store.data_mut()),))
    })
}

#[cfg(test)]
mod tests {
    use super::{Generator, split_mix};

    #[test]
    fn split_mix_is_the_published_one() {
        let mut state = 1_234_567;
        let drawn: Vec<u64> = (0..3).map(|_| split_mix(&mut state)).collect();
        let published =
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(drawn, published);
    }

    #[test]
    fn xoshiro_is_the_published_one() {
        let mut generator = Generator { seed: 0, state: [1, 2, 3, 4] };
        let drawn: Vec<u64> = (0..4).map(|_| generator.next()).collect();
        assert_eq!(drawn, [11520, 0, 1_509_978_240, 1_215_971_899_390_074_240]);
    }
}
