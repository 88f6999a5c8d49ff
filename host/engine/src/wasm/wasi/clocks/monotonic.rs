//! `wasi:clocks/monotonic-clock`: what a guest waits for by it is a durable timer (D5).

use crate::wasm::wasi::Outside;
use crate::wasm::wasi::io::poll::{self, Pollable};
use std::time::Duration;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};

pub(super) fn add_to_linker<T: Outside>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut interface = linker.instance("wasi:clocks/monotonic-clock@0.2.12")?;
    interface.func_wrap("now", |mut store: StoreContextMut<'_, T>, (): ()| {
        store.data_mut().wasi().reads_clock();
        Ok((store.data().monotonic_clock(),))
    })?;
    interface.func_wrap("resolution", |_, (): ()| Ok((1u64,)))?;
    interface.func_wrap(
        "subscribe-instant",
        |mut store: StoreContextMut<'_, T>, (when,): (u64,)| {
            let outside = store.data_mut();
            let wait = when.saturating_sub(outside.monotonic_clock());
            Ok((subscribe(outside, wait)?,))
        },
    )?;
    interface.func_wrap(
        "subscribe-duration",
        |mut store: StoreContextMut<'_, T>, (nanos,): (u64,)| {
            Ok((subscribe(store.data_mut(), nanos)?,))
        },
    )
}

fn subscribe<T: Outside>(outside: &mut T, nanos: u64) -> wasmtime::Result<Resource<Pollable>> {
    // A timer of no duration would still cost a workflow task.
    if nanos == 0 {
        return Ok(poll::ready());
    }
    let sleep = outside.begin_sleep(Duration::from_nanos(nanos))?;
    Ok(outside.wasi().sleeping(sleep))
}
