//! What `bindgen!` makes of `wit/`, and nothing else. Calls that may wait are async: they are asked again at each activation.

/// The world `workflow`; a component of the world `queryable-workflow` has all of it.
pub(super) mod workflow {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "sandglass:workflow/workflow",
        imports: {
            "sandglass:workflow/timers@0.1.0.sleep": async | trappable,
            "sandglass:workflow/timers@0.1.0.wait": async | trappable,
            "sandglass:workflow/activities@0.1.0.execute": async | trappable,
            "sandglass:workflow/activities@0.1.0.outcome": async | trappable,
            "sandglass:workflow/signals@0.1.0.receive": async | trappable,
            "sandglass:workflow/select@0.1.0.wait-any": async | trappable,
            "sandglass:workflow/select@0.1.0.race": async | trappable,
            "sandglass:workflow/select@0.1.0.settle": async | trappable,
            default: trappable,
        },
        exports: { default: async },
    });
}

/// The world `activity`.
pub(super) mod activity {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "sandglass:activity/activity",
        imports: {
            "sandglass:activity/attempt@0.1.0.heartbeat": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        with: {
            "sandglass:workflow/types@0.1.0": super::workflow::sandglass::workflow::types,
            "sandglass:workflow/execution@0.1.0": super::workflow::sandglass::workflow::execution,
            "sandglass:workflow/failures@0.1.0": super::workflow::sandglass::workflow::failures,
            "sandglass:workflow/log@0.1.0": super::workflow::sandglass::workflow::log,
        },
    });
}
