//! Uncaught exceptions: the runtimes of some languages write them to stderr, in words of their own, and trap. Here they are found there.
//!
//! What a runtime writes in another form is not lost: then the end of stderr is told as it is.

/// An exception that nobody caught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exception {
    /// What it says.
    pub(super) message: String,
    /// Where it came from, in the form of its language, with files and lines.
    pub(super) stack: String,
}

/// The exception that a guest's runtime has written to stderr before it trapped.
pub(super) fn find(stderr: &str) -> Option<Exception> {
    python(stderr).or_else(|| javascript(stderr))
}

/// CPython's own traceback, with those of its causes before it. componentize-py's panic follows.
fn python(stderr: &str) -> Option<Exception> {
    let (_, rest) = stderr.split_once(TRACEBACK)?;
    let (written, _) = rest.split_once("\nthread '")?;
    let mut exceptions = written.split(TRACEBACK);
    let mut last = one_of_python(exceptions.next()?)?;
    // The one that nobody caught comes last there, and is told first.
    for text in exceptions {
        let Exception { message, stack } = last;
        // What joins two of them stands at the end of the first one's message.
        let (message, joined) = message.rsplit_once("\n\n")?;
        let joined = match joined.starts_with("The above exception was the direct cause") {
            true => "It was caused by",
            false => "It was raised while another was handled,",
        };
        last = one_of_python(text)?;
        last.stack = format!("{}\n{joined} {message}\n{stack}", last.stack);
    }
    Some(last)
}

const TRACEBACK: &str = "Traceback (most recent call last):\n";

fn one_of_python(written: &str) -> Option<Exception> {
    // Frames are indented; the last lines that are not say what it is.
    let lines: Vec<&str> = written.trim_end().lines().collect();
    let frames = lines.iter().rposition(|line| line.starts_with("  "))? + 1;
    let message = lines.get(frames..).filter(|lines| !lines.is_empty())?.join("\n");
    Some(Exception { message, stack: lines[..frames].join("\n") })
}

/// What componentize-qjs panics with: `Exception { message: Some("…"), stack: Some("…") }`, as Rust shows it.
fn javascript(stderr: &str) -> Option<Exception> {
    let (_, rest) = stderr.split_once("Exception { message: Some(\"")?;
    let (message, rest) = shown(rest)?;
    let (stack, _) = shown(rest.strip_prefix("), stack: Some(\"")?)?;
    let lines: Vec<&str> = stack.trim_end().lines().map(str::trim_end).collect();
    Some(Exception { message, stack: lines.join("\n") })
}

/// The panic that the `Run` of the patterns tells before it ends the process: the stack, from what asked for it on, and the reason.
pub(super) fn find_panic_of_go(stderr: &str) -> Option<Exception> {
    let (stack, message) = stderr.rsplit_once("\n\npanic: ")?;
    // The first frames are those of telling it.
    let (_, rest) = stack.split_once("\npanic(")?;
    let (_, rest) = rest.split_once("\n\t")?;
    let (_, stack) = rest.split_once('\n')?;
    Some(Exception { message: format!("panic: {message}"), stack: stack.to_owned() })
}

/// What a value was that did not fit where the guest put it: componentize-py and componentize-qjs panic with that in their own code, and name no
/// place in the author's.
pub(super) fn find_misfit(stderr: &str) -> Option<String> {
    let (_, panicked) = stderr.split_once(" panicked at ")?;
    let (place, said) = panicked.split_once(":\n")?;
    let said = said.split("\nnote: ").next()?.trim();
    if place.starts_with("crates/runtime/src/call.rs:") {
        let given = between(said, "from: \"", "\", to: \"");
        let wanted = between(said, "to: \"", "\"");
        return Some(match given.zip(wanted) {
            Some((given, wanted)) => format!("it is {given}, not {wanted}"),
            None => said.to_owned(),
        });
    }
    if !place.starts_with("runtime/src/lib.rs:") {
        return None;
    }
    if let Some(cast) = between(said, "CastError { from: ", " }") {
        let (given, wanted) = cast.rsplit_once(", classinfo: ")?;
        return Some(format!("it is {given}, not {wanted}"));
    }
    let error = between(said, ", value: ", ", traceback: None }")?;
    // The runtime looks the class up among the cases of the variant.
    Some(match between(error, "KeyError(", ")") {
        Some(class) => format!("it is {class}, none of the variant's cases"),
        None => error.to_owned(),
    })
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}

/// A text up to its closing quote, without the escapes that Rust shows it with, and what follows.
fn shown(text: &str) -> Option<(String, &str)> {
    let mut plain = String::new();
    let mut rest = text.char_indices();
    while let Some((at, c)) = rest.next() {
        match c {
            '"' => return Some((plain, &text[at + 1..])),
            '\\' => match rest.next()?.1 {
                'n' => plain.push('\n'),
                't' => plain.push('\t'),
                'r' => plain.push('\r'),
                '0' => plain.push('\0'),
                'u' => {
                    let code: String =
                        rest.by_ref().map(|(_, c)| c).skip(1).take_while(|c| *c != '}').collect();
                    plain.push(u32::from_str_radix(&code, 16).ok().and_then(char::from_u32)?);
                }
                quoted => plain.push(quoted),
            },
            c => plain.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const PYTHON: &str = "a line of its own
Traceback (most recent call last):
  File \"/0/mistake.py\", line 16, in run
  File \"/0/mistake.py\", line 20, in mistaken
AttributeError: no attribute 'amount'

thread '<unnamed>' (1) panicked at runtime/src/lib.rs:1293:29:
Python function threw an unexpected exception";

    #[test]
    fn pythons_traceback_is_found() {
        let exception = find(PYTHON).expect("it is there");
        assert_eq!(exception.message, "AttributeError: no attribute 'amount'");
        let frames = ["/0/mistake.py\", line 16, in run", "/0/mistake.py\", line 20, in mistaken"];
        assert_eq!(exception.stack, frames.map(|frame| format!("  File \"{frame}")).join("\n"));
    }

    #[test]
    fn what_an_exception_came_of_is_told_after_it() {
        for (joined, told) in [
            ("The above exception was the direct cause of the following", "It was caused by"),
            (
                "During handling of the above exception, another",
                "It was raised while another was handled,",
            ),
        ] {
            let stderr = format!(
                "{TRACEBACK}  File \"/0/a.py\", line 1, in run\nKeyError: 'stock'\n\n{joined} exception:\n\n\
                 {TRACEBACK}  File \"/0/a.py\", line 2, in run\nRuntimeError: no order\n\nthread 'x' panicked"
            );
            let exception = find(&stderr).expect("it is there");
            assert_eq!(exception.message, "RuntimeError: no order");
            let stack = format!(
                "  File \"/0/a.py\", line 2, in run\n{told} KeyError: 'stock'\n  File \"/0/a.py\", line 1, in run"
            );
            assert_eq!(exception.stack, stack);
        }
    }

    #[test]
    fn a_panic_of_go_is_found_without_the_frames_that_tell_it() {
        let stderr = "goroutine 1 [running]:
runtime/debug.Stack()
\truntime/debug/stack.go:26 +0xa
sandglass.tellPanic()
\tsandglass@v0.0.0/sandglass.go:66 +0x4
panic({0x22cb58, 0x1a0a8})
\truntime/panic.go:859 +0x1c
order.run(0x1)
\torder/order.go:20 +0x4c

panic: no\nstock";
        let exception = find_panic_of_go(stderr).expect("it is there");
        assert_eq!(exception.message, "panic: no\nstock");
        assert_eq!(exception.stack, "order.run(0x1)\n\torder/order.go:20 +0x4c");
        for other in ["", "panic: no stock", "main.main()\n\nexit status 2", "\n\npanic: no stock"]
        {
            assert_eq!(find_panic_of_go(other), None, "{other}");
        }
    }

    #[test]
    fn values_that_do_not_fit_are_told() {
        let qjs = "crates/runtime/src/call.rs:1:2";
        let py = "runtime/src/lib.rs:1:2";
        for (place, said, told) in [
            (qjs, "expected object", Some("expected object")),
            (
                qjs,
                "invalid: Error(FromJs { from: \"int\", to: \"variant\", message: None })",
                Some("it is int, not variant"),
            ),
            (
                py,
                "PyErr { type: <class 'KeyError'>, value: KeyError(<class 'int'>), traceback: None }",
                Some("it is <class 'int'>, none of the variant's cases"),
            ),
            (
                py,
                "PyErr { type: <class 'TypeError'>, value: TypeError(\"no\"), traceback: None }",
                Some("TypeError(\"no\")"),
            ),
            (
                py,
                "CastError { from: 13, classinfo: <class 'list'> }",
                Some("it is 13, not <class 'list'>"),
            ),
            (py, "something else", None),
            ("src/lib.rs:1:2", "expected object", None),
        ] {
            let stderr =
                format!("thread '<unnamed>' (1) panicked at {place}:\n{said}\nnote: run with more");
            assert_eq!(find_misfit(&stderr).as_deref(), told, "{stderr}");
        }
        assert_eq!(find_misfit("a line of its own"), None);
    }

    #[test]
    fn javascripts_stack_is_found_and_unescaped() {
        let stderr = r#"thread '<unnamed>' (1) panicked at crates/runtime/src/interpreter.rs:51:31:
Failed to call 'run': Value(Exception(
Exception { message: Some("no \"amount\" \u{1f}"), stack: Some("    at a (/a.js:1:2)\n    at b (/b.js:3:4)\n") })
)"#;
        let exception = find(stderr).expect("it is there");
        assert_eq!(exception.message, "no \"amount\" \u{1f}");
        assert_eq!(exception.stack, "    at a (/a.js:1:2)\n    at b (/b.js:3:4)");
    }

    #[test]
    fn what_is_cut_or_something_else_is_no_exception() {
        for stderr in [
            "",
            "thread '<unnamed>' panicked at src/lib.rs:3:5:\nboom",
            "Traceback (most recent call last):\n",
            "Traceback (most recent call last):\n  File \"a.py\", line 1, in run\n\nthread 'x'",
            "Exception { message: Some(\"half",
            "Exception { message: Some(\"whole\"), stack: None }",
            "Exception { message: Some(\"\\u{zz}\"), stack: Some(\"\")",
        ] {
            assert_eq!(find(stderr), None, "{stderr}");
        }
    }
}
