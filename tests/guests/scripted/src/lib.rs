//! Does what its input says: the first argument is a list of steps. Scenarios are data this way.

mod script;

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use sandglass::workflow::{activities, cancellation, execution, failures};
use sandglass::workflow::{log, select, signals, timers, types::Operation};
use script::{Activity, Step};

bindings::workflow!();

struct Scripted;

impl Guest for Scripted {
    fn run(input: Vec<Payload>) -> Result<Payload, Failure> {
        let steps: Vec<Step> = decode(&input)?;
        match Player::default().play(&steps) {
            Ok(()) => Ok(Payload::Nil),
            Err(End::Returned(result)) => Ok(result),
            Err(End::Failed(failure)) => Err(failure),
        }
    }
}
export!(Scripted);

/// What stops a list of steps before its end.
enum End {
    Returned(Payload),
    Failed(Failure),
}

impl From<Failure> for End {
    fn from(failure: Failure) -> End {
        End::Failed(failure)
    }
}

#[derive(Clone, Copy)]
enum Started {
    Timer(Operation),
    Activity(Operation),
    /// A signal or the cancel request: it is waited for in company only.
    News(Operation),
}

impl Started {
    fn operation(self) -> Operation {
        match self {
            Started::Timer(it) | Started::Activity(it) | Started::News(it) => it,
        }
    }
}

#[derive(Default)]
struct Player {
    started: BTreeMap<String, Started>,
    /// What `race` or `wait-any` answered last.
    first: String,
    /// The last result of an activity, or the first argument of the last signal.
    result: Option<Payload>,
    caught: Option<Failure>,
}

impl Player {
    fn play(&mut self, steps: &[Step]) -> Result<(), End> {
        steps.iter().try_for_each(|step| self.step(step))
    }

    fn step(&mut self, step: &Step) -> Result<(), End> {
        match step {
            Step::Sleep(seconds) => timers::sleep(*seconds)?,
            Step::WasiSleep(seconds) => thread::sleep(Duration::from_secs_f64(*seconds)),
            Step::StartTimer { name, seconds } => {
                self.start(name, Started::Timer(timers::start(*seconds)));
            }
            Step::Activity(activity) => self.result = Some(execute(activity)?),
            Step::StartActivity { name, activity } => {
                let Activity { activity_type, input, .. } = activity;
                let input: Vec<_> = input.iter().map(encode).collect();
                let operation = activities::start(activity_type, &input, &activity.options());
                self.start(name, Started::Activity(operation));
            }
            Step::OnSignal { name, signal } => {
                self.start(name, Started::News(signals::on_signal(signal)));
            }
            Step::OnCancelRequest(name) => {
                self.start(name, Started::News(cancellation::on_request()));
            }
            Step::Cancel(_)
            | Step::Wait(_)
            | Step::WaitAny(_)
            | Step::Race(_)
            | Step::Settle(_) => {
                self.wait(step)?;
            }
            Step::Receive(name) => {
                self.result = signals::receive(name)?.input.into_iter().next();
            }
            Step::Take(name) => {
                self.result = signals::take(name).and_then(|it| it.input.into_iter().next());
            }
            Step::Shield => cancellation::shield(),
            Step::Unshield => cancellation::unshield(),
            Step::Publish { name, value } => execution::publish(name, &encode(value)),
            Step::DeprecatePatch(id) => execution::deprecate_patch(id),
            Step::Log(line) => log::info(line),
            Step::Panic(message) => panic!("{message}"),
            _ => self.flow(step)?,
        }
        Ok(())
    }

    /// Steps about what was started.
    fn wait(&mut self, step: &Step) -> Result<(), End> {
        match step {
            Step::Cancel(name) => match self.named(name) {
                Started::Timer(timer) => timers::cancel(timer),
                Started::Activity(activity) => activities::cancel(activity),
                Started::News(_) => panic!("{name} cannot be canceled"),
            },
            Step::Wait(name) => match self.named(name) {
                Started::Timer(timer) => timers::wait(timer)?,
                Started::Activity(activity) => self.result = Some(activities::outcome(activity)?),
                Started::News(_) => panic!("wait for {name} with wait-any"),
            },
            Step::WaitAny(names) => {
                self.first = self.name_of(select::wait_any(&self.operations(names))?);
            }
            Step::Race(names) => self.first = self.name_of(select::race(&self.operations(names))?),
            Step::Settle(names) => select::settle(&self.operations(names)),
            _ => unreachable!("not about what was started"),
        }
        Ok(())
    }

    /// Steps that decide which step comes next.
    fn flow(&mut self, step: &Step) -> Result<(), End> {
        match step {
            Step::Patched { id, then, otherwise } => {
                self.play(if execution::patched(id) { then } else { otherwise })
            }
            Step::WhenFirst { name, then, otherwise } => {
                self.play(if self.first == *name { then } else { otherwise })
            }
            Step::WhenRequested { then, otherwise } => {
                let requested = cancellation::requested().is_some();
                self.play(if requested { then } else { otherwise })
            }
            Step::Repeat { times, steps } => {
                let mut left = *times;
                while left != Some(0) {
                    self.play(steps)?;
                    left = left.map(|left| left - 1);
                }
                Ok(())
            }
            Step::Try { steps, catch, finally } => self.guarded(steps, catch.as_deref(), finally),
            Step::Rethrow => Err(End::Failed(self.caught.clone().expect("something was caught"))),
            Step::Fail { message, error_type, non_retryable } => {
                let failure = failures::application(message, error_type, *non_retryable);
                Err(End::Failed(failure))
            }
            Step::EndCanceled => Err(End::Failed(failures::canceled(&[]))),
            Step::Return(value) if value.is_null() => Err(End::Returned(Payload::Nil)),
            Step::Return(value) => Err(End::Returned(encode(value))),
            Step::ReturnResult => Err(End::Returned(self.result.clone().unwrap_or(Payload::Nil))),
            _ => unreachable!("handled before"),
        }
    }

    fn guarded(
        &mut self,
        steps: &[Step],
        catch: Option<&[Step]>,
        finally: &[Step],
    ) -> Result<(), End> {
        let ended = match (self.play(steps), catch) {
            (Err(End::Failed(failure)), Some(catch)) => {
                self.caught = Some(failure);
                self.play(catch)
            }
            (ended, _) => ended,
        };
        self.play(finally)?;
        ended
    }

    fn start(&mut self, name: &str, started: Started) {
        self.started.insert(name.to_owned(), started);
    }

    fn named(&self, name: &str) -> Started {
        *self.started.get(name).unwrap_or_else(|| panic!("nothing is named {name}"))
    }

    fn operations(&self, names: &[String]) -> Vec<Operation> {
        names.iter().map(|name| self.named(name).operation()).collect()
    }

    fn name_of(&self, operation: Operation) -> String {
        let found = self.started.iter().find(|(_, started)| started.operation() == operation);
        found.expect("one of those named").0.clone()
    }
}

fn execute(activity: &Activity) -> Result<Payload, Failure> {
    let input: Vec<_> = activity.input.iter().map(encode).collect();
    activities::execute(&activity.activity_type, &input, &activity.options())
}
