//! The form of a script: what its JSON can say.
//!
//! A step without data is a string (`"shield"`), another an object of one key
//! (`{"sleep": 1.5}`, `{"wait": "greeting"}`). Names are the script's own.

use serde::Deserialize;
use serde_json::Value;

use crate::sandglass::workflow::activities::{ActivityOptions, CancellationType};
use crate::sandglass::workflow::types::RetryPolicy;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub(crate) enum Step {
    /// Seconds.
    Sleep(f64),
    /// Seconds of `thread::sleep`, which nothing interrupts.
    WasiSleep(f64),
    StartTimer {
        name: String,
        seconds: f64,
    },
    /// Starts it and waits for its outcome.
    Activity(Activity),
    StartActivity {
        name: String,
        activity: Activity,
    },
    /// Ready while a signal waits.
    OnSignal {
        name: String,
        signal: String,
    },
    /// Ready once the run was asked to cancel; the text is its name.
    OnCancelRequest(String),
    Cancel(String),
    Wait(String),
    WaitAny(Vec<String>),
    Race(Vec<String>),
    Settle(Vec<String>),
    /// The signal's name.
    Receive(String),
    Take(String),
    Shield,
    Unshield,
    Publish {
        name: String,
        value: Value,
    },
    DeprecatePatch(String),
    Log(String),
    Panic(String),
    Patched {
        id: String,
        #[serde(default)]
        then: Vec<Step>,
        #[serde(default)]
        otherwise: Vec<Step>,
    },
    /// Whether the last `race` or `wait-any` gave this name.
    WhenFirst {
        name: String,
        #[serde(default)]
        then: Vec<Step>,
        #[serde(default)]
        otherwise: Vec<Step>,
    },
    /// Whether the run was asked to cancel.
    WhenRequested {
        #[serde(default)]
        then: Vec<Step>,
        #[serde(default)]
        otherwise: Vec<Step>,
    },
    /// Without `times`, for ever.
    Repeat {
        times: Option<u32>,
        steps: Vec<Step>,
    },
    /// A failure is caught if there is a `catch`; `finally` runs in any case.
    Try {
        steps: Vec<Step>,
        catch: Option<Vec<Step>>,
        #[serde(default)]
        finally: Vec<Step>,
    },
    /// Ends a `catch` with what was caught.
    Rethrow,
    Fail {
        message: String,
        error_type: String,
        #[serde(default)]
        non_retryable: bool,
    },
    /// Ends with a failure that says `canceled`.
    EndCanceled,
    Return(Value),
    /// Ends with the last result.
    ReturnResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Activity {
    #[serde(rename = "type")]
    pub(crate) activity_type: String,
    #[serde(default)]
    pub(crate) input: Vec<Value>,
    activity_id: Option<String>,
    task_queue: Option<String>,
    schedule_to_close_timeout: Option<f64>,
    schedule_to_start_timeout: Option<f64>,
    start_to_close_timeout: Option<f64>,
    heartbeat_timeout: Option<f64>,
    cancellation_type: Option<Cancellation>,
    summary: Option<String>,
    retry_policy: Option<Retry>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Cancellation {
    TryCancel,
    WaitCancellationCompleted,
    Abandon,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Retry {
    initial_interval: Option<f64>,
    backoff_coefficient: Option<f64>,
    maximum_interval: Option<f64>,
    maximum_attempts: Option<u32>,
    non_retryable_error_types: Option<Vec<String>>,
}

impl Activity {
    pub(crate) fn options(&self) -> ActivityOptions {
        ActivityOptions {
            activity_id: self.activity_id.clone(),
            task_queue: self.task_queue.clone(),
            schedule_to_close_timeout: self.schedule_to_close_timeout,
            schedule_to_start_timeout: self.schedule_to_start_timeout,
            start_to_close_timeout: self.start_to_close_timeout,
            heartbeat_timeout: self.heartbeat_timeout,
            retry_policy: self.retry_policy.as_ref().map(Retry::policy),
            cancellation_type: self.cancellation_type.map(|it| match it {
                Cancellation::TryCancel => CancellationType::TryCancel,
                Cancellation::WaitCancellationCompleted => {
                    CancellationType::WaitCancellationCompleted
                }
                Cancellation::Abandon => CancellationType::Abandon,
            }),
            summary: self.summary.clone(),
            priority: None,
        }
    }
}

impl Retry {
    fn policy(&self) -> RetryPolicy {
        RetryPolicy {
            initial_interval: self.initial_interval,
            backoff_coefficient: self.backoff_coefficient,
            maximum_interval: self.maximum_interval,
            maximum_attempts: self.maximum_attempts,
            non_retryable_error_types: self.non_retryable_error_types.clone(),
        }
    }
}
