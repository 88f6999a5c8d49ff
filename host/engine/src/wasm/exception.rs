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
    let (_, rest) = stderr.split_once("Traceback (most recent call last):\n")?;
    let (written, _) = rest.split_once("\nthread '")?;
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
