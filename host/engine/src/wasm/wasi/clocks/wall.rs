//! `wasi:clocks/wall-clock`.

use crate::wasm::wasi::Outside;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Lower};

/// The record `datetime`.
#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

pub(super) fn add_to_linker<T: Outside>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut interface = linker.instance("wasi:clocks/wall-clock@0.2.12")?;
    interface.func_wrap("now", |mut store: StoreContextMut<'_, T>, (): ()| {
        store.data_mut().wasi().reads_clock();
        let (seconds, nanos) = store.data().wall_clock().to_seconds_and_nanos();
        Ok((Datetime {
            seconds: u64::try_from(seconds).unwrap_or(0),
            nanoseconds: nanos.unsigned_abs(),
        },))
    })?;
    interface.func_wrap("resolution", |_, (): ()| Ok((Datetime { seconds: 0, nanoseconds: 1 },)))
}
