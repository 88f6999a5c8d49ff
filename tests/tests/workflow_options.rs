//! The rarer options of `sandglass workflow` against `sandglass serve`: inputs, policies, runs by their ids, batches, and how a server is
//! reached by flags, variables and a configuration file.

use sandglass_tests::asked::{Asked, said, said_with};
use sandglass_tests::command::{Running, sandglass};
use serde_json::{Value, json};
use std::fs;
use std::process::Stdio;

/// Waits for a signal, whose argument is the result.
const WAITS: &str = r#"[{"receive":"go"},"return-result"]"#;

fn started(served: &Asked, id: &str) -> Value {
    let history = served.json(&["show", "-w", id]);
    history["events"][0]["workflowExecutionStartedEventAttributes"].clone()
}

fn payload(encoding: &str, data: &str) -> Value {
    json!({ "metadata": { "encoding": encoding }, "data": data })
}

#[test]
fn inputs_come_from_files_and_base64_and_say_what_they_are() {
    let served = Asked::start();
    let start = ["start", "--type", "bench-empty", "-w"];
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("input.json");
    fs::write(&file, "{\"of\":\"a file\"}").expect("the folder is there");
    let file = file.display().to_string();
    let files = ["file", "--input-file", &file, "--input-file", &file, "--headers", "h=[1]"];
    served.text(&[&start[..], &files].concat());
    let followed = served.json(&["show", "-w", "file", "--follow"]).to_string();
    assert!(followed.contains("EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED"), "{followed}");
    let unnamed = served.json(&["start", "--type", "bench-empty", "-w", ""]);
    assert_eq!(unnamed["workflowId"].as_str().map(str::len), Some(36), "one is made up");
    let result = served.text(&["result", "-w", "file"]);
    assert!(result.contains(r#"Result          {"of":"a file"}"#), "{result}");
    let given = started(&served, "file");
    assert_eq!(given["input"]["payloads"].as_array().map(Vec::len), Some(2));
    assert_eq!(given["header"]["fields"]["h"], payload("anNvbi9wbGFpbg==", "WzFd"));
    let binary = ["b", "--input-base64", "-i", "AAE=", "-i", "Nw==", "--input-meta"];
    let encodings = ["encoding=binary/plain", "--input-meta", "encoding=json/plain"];
    served.text(&[&start[..], &binary, &encodings].concat());
    let given = &started(&served, "b")["input"]["payloads"];
    assert_eq!(given[0], payload("YmluYXJ5L3BsYWlu", "AAE="));
    assert_eq!(given[1], payload("anNvbi9wbGFpbg==", "Nw=="));
    let signaled = ["signal-with-start", "--type", "scripted", "-w", "s", "-i", WAITS];
    let signal = ["--signal-type", "go", "--signal-input-base64", "--signal-input", "ImEi"];
    served.text(&[&signaled[..], &signal, &["--signal-input-meta", "more=x"]].concat());
    assert!(served.text(&["result", "-w", "s"]).contains("Result          \"a\""));
    let history = served.json(&["show", "-w", "s"]);
    let signal = &history["events"][1]["workflowExecutionSignaledEventAttributes"]["input"];
    assert_eq!(signal["payloads"][0]["metadata"]["more"], "eA==");
    for (wrong, words) in [
        (&["-i", "1", "--input-file", &file][..], "cannot be used with"),
        (&["--input-file", "/nowhere/input.json"], "/nowhere/input.json: "),
        (&["--input-base64", "-i", "%"], "input #1 is not valid base64"),
        (&["-i", "1", "--input-meta", "encoding"], "--input-meta \"encoding\" is not KEY=VALUE"),
    ] {
        let said = served.workflow(&[&start[..], &["wrong"], wrong].concat());
        assert!(said.code == Some(2) && said.err.contains(words), "{wrong:?}: {}", said.err);
    }
    let input = &["--signal-name", "go", "--signal-input", "{"][..];
    let said = served.workflow(&[&signaled[..], input].concat());
    assert!(said.err.contains("signal input #1 is not valid JSON"), "{}", said.err);
}

#[test]
fn policies_say_what_becomes_of_an_id_that_was_used() {
    let served = Asked::start();
    let start = |id: &'static str, more: &[&'static str]| {
        let said = served.workflow(
            &[&["start", "--type", "scripted", "-w", id, "-i", WAITS, "-o", "json"], more].concat(),
        );
        let answer = serde_json::from_str::<Value>(&said.out).unwrap_or_default();
        (answer["runId"].as_str().map(str::to_owned), said.err)
    };
    let described = ["--memo", "m={\"x\":1}", "--static-summary", "for people"];
    let (first, _) = start("w", &[&described[..], &["--fairness-key", "k"]].concat());
    assert_eq!(start("w", &["--id-conflict-policy", "UseExisting"]).0, first);
    assert_eq!(start("w", &["--id-conflict-policy", "Fail"]).0, first, "it is what runs");
    let (none, why) = start("w", &["--id-conflict-policy", "Fail", "--fail-existing"]);
    assert!(none.is_none() && why.contains("is already running"), "{why}");
    let text = served.text(&["describe", "-w", "w"]);
    assert!(text.contains("  Memo                  {\"m\":{\"x\":1}}\n"), "{text}");
    assert!(text.contains("\nMetadata:\n  StaticSummary  \"for people\"\n"), "{text}");
    let listed = served.json(&["list"]);
    assert_eq!(listed[0]["memo"]["fields"], json!({"m": {"x": 1}}));
    let raw = served.json(&["list", "--no-json-shorthand-payloads"]);
    assert_eq!(raw[0]["memo"]["fields"]["m"], payload("anNvbi9wbGFpbg==", "eyJ4IjoxfQ=="));
    assert_eq!(started(&served, "w")["priority"], json!({"fairnessKey": "k"}));
    let (second, _) = start("w", &["--id-conflict-policy", "TerminateExisting"]);
    assert_ne!(second, first);
    // A run is meant by its id, whatever came after it.
    let first = first.expect("it was started");
    let ended = served.workflow(&["result", "-w", "w", "-r", &first]);
    assert!(ended.code == Some(4) && ended.out.contains("TERMINATED"), "{}", ended.out);
    served.text(&[
        "signal",
        "-w",
        "w",
        "-r",
        &second.expect("it was started"),
        "--name",
        "go",
        "-i",
        "2",
    ]);
    assert!(served.text(&["result", "-w", "w"]).contains("Result          2"));
    let late = served.workflow(&["signal", "-w", "w", "-r", &first, "--name", "go"]);
    assert!(late.code == Some(1) && late.err.contains("already completed"), "{}", late.err);
    let rejected = ["--id-reuse-policy", "RejectDuplicate", "--fail-existing"];
    assert!(start("w", &rejected).1.contains("reject duplicate workflow Id"));
    let only = ["--id-reuse-policy", "AllowDuplicateFailedOnly", "--fail-existing"];
    assert!(start("w", &only).1.contains("allow duplicate workflow Id if last run failed"));
}

#[test]
fn a_failure_is_told_and_exits_with_one() {
    let served = Asked::start();
    let script = r#"[{"fail":{"message":"no way","error-type":"Bad","non-retryable":true}}]"#;
    let execute = ["execute", "--type", "scripted", "-w", "f", "-i", script];
    let failed = served.workflow(&execute);
    assert_eq!(failed.code, Some(1), "{}", failed.err);
    assert!(
        failed.out.contains("  Status   FAILED\n  Failure  \n    Message: no way\n"),
        "{}",
        failed.out
    );
    assert_eq!(failed.err, "error: the workflow has ended as FAILED\n");
    for again in [&execute[..], &["result", "-w", "f"]] {
        let said = served.workflow(&[again, &["-o", "jsonl"]].concat());
        assert_eq!((said.code, said.out.lines().count()), (Some(1), 1), "{}", said.out);
        let value: Value = serde_json::from_str(&said.out).expect("it is JSON");
        let event = &value["closeEvent"]["workflowExecutionFailedEventAttributes"];
        assert_eq!(
            (&value["status"], &event["failure"]["message"]),
            (&json!("FAILED"), &json!("no way"))
        );
        assert_eq!(value.get("result"), None);
    }
    let shown = served.workflow(&["show", "-w", "f"]);
    assert!(shown.code == Some(0) && shown.out.contains("Message: no way"), "{}", shown.err);
    let described = served.text(&["describe", "-w", "f", "--raw", "--time-format", "raw"]);
    assert!(
        described.contains("Message: no way") && described.contains(" +0000 UTC\n"),
        "{described}"
    );
    assert_eq!(served.text(&["describe", "-w", "f", "--reset-points"]), "Auto Reset Points: 0\n");
    assert_eq!(served.json(&["describe", "-w", "f", "--reset-points"]), json!([]));
    let call = ["workflow", "show", "-w", "f", "--address", served.address()];
    let mut unread = sandglass(&call)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it is called");
    // Whoever reads is gone before the first line comes.
    drop(unread.stdout.take());
    let ended = unread.wait_with_output().expect("it ends");
    assert_eq!((ended.status.code(), ended.stderr), (Some(141), Vec::new()));
}

#[test]
fn many_are_signaled_terminated_and_deleted_by_a_query() {
    let served = Asked::start();
    for id in ["m-1", "m-2", "m-3"] {
        served.start_workflow("scripted", id, WAITS);
    }
    let of = |status: &str| format!("ExecutionStatus = '{status}'");
    let batch = |ask: &[&str], query: &str| {
        let said = served.text(&[ask, &["--query", query, "--yes", "--rps", "50"]].concat());
        assert!(said.starts_with("Started batch for job ID: "), "{said}");
    };
    batch(
        &["signal", "--name", "go", "-i", "1", "--reason", "all"],
        "WorkflowId IN ('m-1', 'm-2')",
    );
    served.until(&["count", "--query", &of("Completed")], "Total: 2\n");
    batch(&["terminate", "--reason", "enough"], &of("Running"));
    served.until(&["count", "--query", &of("Terminated")], "Total: 1\n");
    assert!(served.json(&["show", "-w", "m-3"]).to_string().contains("enough"));
    batch(&["delete"], &of("Completed"));
    served.until(&["count"], "Total: 1\n");
    let both = served.workflow(&["signal", "--name", "go", "-w", "m-3", "--query", "x"]);
    assert!(both.code == Some(2) && both.err.contains("cannot be used with"), "{}", both.err);
}

#[test]
fn a_server_is_found_by_flags_variables_and_a_file() {
    let served = Asked::start();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("temporal.toml");
    let text = format!(
        "[profile.default]\naddress = \"127.0.0.1:1\"\n[profile.here]\naddress = \"{0}\"\n\
         [profile.elsewhere]\naddress = \"{0}\"\nnamespace = \"other\"\n\
         [profile.tls]\naddress = \"{0}\"\n[profile.tls.tls]\nserver_name = \"x\"\n\
         [profile.codec.codec]\nendpoint = \"http://127.0.0.1:1\"\n",
        served.address()
    );
    fs::write(&file, text).expect("the folder is there");
    let file = file.display().to_string();
    let counts = |args: &[&str], variables: &[(&str, &str)]| {
        let said = said_with(&[&["count"], args].concat(), variables);
        if said.code == Some(0) { said.out } else { said.err }
    };
    let none = "Total: 0\n";
    let named = ["--config-file", &file, "--profile", "here"];
    assert_eq!(counts(&named, &[]), none);
    let variables = [("TEMPORAL_CONFIG_FILE", &*file), ("TEMPORAL_PROFILE", "here")];
    assert_eq!(counts(&[], &variables), none);
    assert!(counts(&["--profile", "default"], &variables).contains("127.0.0.1:1"));
    let other = "Namespace other is not found.";
    assert!(counts(&["--profile", "elsewhere"], &variables).contains(other));
    let over = [&variables[..], &[("TEMPORAL_NAMESPACE", "other")]].concat();
    assert!(counts(&[], &over).contains(other));
    assert_eq!(counts(&["--namespace", "default"], &over), none);
    assert_eq!(counts(&["--disable-config-env"], &over), none);
    let address = [("TEMPORAL_ADDRESS", served.address())];
    assert_eq!(counts(&["--disable-config-file", "--profile", "nobody's"], &address), none);
    assert!(counts(&["--profile", "nobody's"], &variables).contains("no profile \"nobody's\""));
    assert!(counts(&["--profile", "tls"], &variables).contains("no server answers"));
    assert_eq!(counts(&["--profile", "tls", "--tls=false"], &variables), none);
    let untrusted = [&variables[..], &[("TEMPORAL_TLS", "false")]].concat();
    assert_eq!(counts(&["--profile", "tls"], &untrusted), none);
    assert!(counts(&["--profile", "codec"], &variables).contains("no codec is asked"));
    let reached = ["--client-authority", "a.example", "--client-connect-timeout", "9s"];
    assert_eq!(counts(&reached, &address), none);
    assert_eq!(
        counts(&["--log-level", "never", "--log-format", "json", "--color", "auto"], &address),
        none
    );
}

#[test]
fn what_has_no_effect_is_refused() {
    for (args, words) in [
        (&["list", "--env", "prod"][..], "temporal env"),
        (&["list", "--env-file", "f.yaml"], "temporal env"),
        (&["list", "--codec-endpoint", "http://127.0.0.1:1"], "no codec is asked"),
        (&["list", "--codec-auth", "a"], "no codec is asked"),
        (&["list", "--codec-header", "a=b"], "no codec is asked"),
        (&["list", "--tls-disable-host-verification"], "always verified"),
        (&["list", "--tls-ca-data", "none"], "is not in PEM"),
        (&["list", "--tls-cert-data", "-----BEGIN "], "together"),
        (&["list", "--tls-ca-data", "a", "--tls-ca-path", "b"], "cannot be used with"),
        (&["list", "--grpc-meta", "a b=c"], "is no header"),
        (&["cancel", "-w", "w", "--headers", "a=1"], "--headers has no effect there"),
        (&["delete", "-w", "w", "--headers", "a=1"], "--headers has no effect there"),
        (&["terminate", "--query", "x", "-r", "r", "--yes"], "cannot be used with"),
        (&["terminate", "-w", "w", "--rps", "2"], "cannot be used with"),
        (&["terminate", "-w", "w", "--yes"], "--yes has no effect"),
        (&["signal", "-w", "w", "--name", "s", "--reason", "why"], "--reason has no effect there"),
        (&["delete", "-w", "w", "--yes", "--reason", "why"], "--reason has no effect there"),
        (
            &["signal-with-start", "--type", "t", "--signal-name", "s", "--fail-existing"],
            "--fail-existing has no effect there",
        ),
    ] {
        let said = said(args);
        assert!(said.code == Some(2) && said.err.contains(words), "{args:?}: {}", said.err);
    }
    let served = Asked::start();
    let archived = served.workflow(&["list", "--archived"]);
    assert!(archived.code == Some(1) && archived.err.contains("ListArchived"), "{}", archived.err);
    let asked = served.workflow(&["query", "-w", "nobody", "--name", "q", "--headers", "a=1"]);
    assert!(asked.err.contains("workflow not found for ID: nobody"), "{}", asked.err);
}

#[test]
fn a_key_is_sent_as_it_is_given() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("keys.txt");
    fs::write(&file, "a-key-of-some-length-0123456789\n").expect("the folder is there");
    let keys = file.display().to_string();
    let database = folder.path().join("runs.db").display().to_string();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--db", &database, "--api-key-file", &keys];
    let mut server = Running::start(&serve);
    let line = server.until("serving on ");
    let address = line.trim_start_matches("serving on ").split(',').next().unwrap_or_default();
    let counts = |args: &[&str], variables: &[(&str, &str)]| {
        let said = said_with(&[&["count", "--address", address], args].concat(), variables);
        (said.code, said.out + &said.err)
    };
    let key = "a-key-of-some-length-0123456789";
    let admitted = (Some(0), "Total: 0\n".to_owned());
    assert_eq!(counts(&["--api-key", key], &[]), admitted);
    assert_eq!(counts(&[], &[("TEMPORAL_API_KEY", key)]), admitted);
    let header = format!("Authorization=Bearer {key}");
    assert_eq!(
        counts(&["--grpc-meta", &header.to_lowercase().replace("bearer", "Bearer")], &[]),
        admitted
    );
    let variable = [("TEMPORAL_GRPC_META_AUTHORIZATION", &*format!("Bearer {key}"))];
    assert_eq!(counts(&[], &variable), admitted);
    for (args, variables) in [
        (&[][..], &[][..]),
        (&["--api-key", "another"], &[]),
        (&["--disable-config-env"], &variable),
    ] {
        let (code, said) = counts(args, variables);
        assert!(code == Some(1) && !said.contains("another") && !said.contains("Total"), "{said}");
    }
}

/// A certificate of a server and a client on this machine, its key, and its authority; valid until 2120.
const TLS: [&str; 3] = [
    include_str!("../tls/ca.pem"),
    include_str!("../tls/cert.pem"),
    include_str!("../tls/key.pem"),
];

#[test]
fn certificates_are_given_as_texts() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("the folder is there");
        path.display().to_string()
    };
    let [authority, certificate, key] = TLS;
    let [ca_file, cert_file, key_file] =
        [file("ca", authority), file("cert", certificate), file("key", key)];
    let serve = ["serve", "--listen", "127.0.0.1:0", "--tls-cert", &cert_file];
    let mut server = Running::start(
        &[&serve[..], &["--tls-key", &key_file, "--tls-client-ca", &ca_file]].concat(),
    );
    let line = server.until("serving on ");
    let address = line.split(' ').nth(2).expect("an address").trim_end_matches(',');
    let profile = format!(
        "[profile.default]\naddress = \"{address}\"\n[profile.default.tls]\n\
         server_ca_cert_data = '''{authority}'''\nclient_cert_data = '''{certificate}'''\n\
         client_key_data = '''{key}'''\n"
    );
    let profile = file("temporal.toml", &profile);
    let trusted = ["count", "--address", address, "--tls-ca-data", authority];
    let known = ["--tls-cert-data", certificate, "--tls-key-data", key];
    for args in [&[&trusted[..], &known].concat()[..], &["count", "--config-file", &profile]] {
        let said = said(args);
        assert_eq!((said.code, &*said.out), (Some(0), "Total: 0\n"), "{}", said.err);
    }
    // Whom nobody knows, and whom nobody trusts.
    let [stranger, trusting_nobody] = [said(&trusted), said(&["count", "--address", address])];
    for refused in [stranger, trusting_nobody] {
        assert_eq!(refused.code, Some(1), "{}", refused.err);
    }
    server.signal("-TERM");
    assert_eq!(server.end().0, Some(0));
}
