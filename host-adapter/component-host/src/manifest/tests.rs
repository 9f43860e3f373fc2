use std::path::Path;

use super::*;

const APPLICATION: &str = r#"
spin_manifest_version = 2
[application]
name = "shop"
[variables]
colour = { default = "red" }
[[trigger.http]]
route = "/..."
component = "front"
[component.front]
source = "front.wasm"
"#;

fn parse(text: &str) -> Result<Manifest, ManifestError> {
    Manifest::parse(text, Path::new("app/spin.toml"))
}

fn rejection(more: &str) -> String {
    parse(&format!("{APPLICATION}{more}"))
        .expect_err(more)
        .to_string()
}

#[test]
fn ordinary_manifest_is_parsed() {
    let manifest = parse(APPLICATION).expect("it is valid");
    let route = Route {
        pattern: "/...".into(),
        component: "front".into(),
    };
    assert_eq!(manifest.routes().expect("routes"), [route]);
    let source = manifest
        .source("front", &manifest.component["front"])
        .expect("source");
    assert_eq!(source, Path::new("app/front.wasm"));
}

#[test]
fn a_service_without_a_manifest_is_that_of_the_application() {
    let project = std::env::temp_dir().join(format!("spindle-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir(&project).expect("create");
    let more = "[[trigger.http]]\nroute = \"/back/...\"\ncomponent = \"back\"\n\
                [component.back]\nsource = \"back.wasm\"\n";
    std::fs::write(project.join("spin.toml"), format!("{APPLICATION}{more}")).expect("write");
    let read =
        |service| Manifest::read(&project.join("components").join(service).join("spin.toml"));
    let back = read("back").expect("derived");
    let unknown = read("other").expect_err("unknown").to_string();
    std::fs::remove_dir_all(&project).expect("remove");
    let route = Route {
        pattern: "/...".into(),
        component: "back".into(),
    };
    assert_eq!(back.routes().expect("routes"), [route]);
    let source = back
        .source("back", &back.component["back"])
        .expect("source");
    assert_eq!(source, project.join("back.wasm"));
    assert!(unknown.contains("`listen.other`"), "{unknown}");
}

#[test]
fn unsupported_key_is_named() {
    for (more, key) in [
        (
            "key_value_stores = [\"default\"]",
            "component.front.key_value_stores",
        ),
        ("files = [\"a\"]", "component.front.files"),
        (
            "[component.front.dependencies]\n\"other:thing\" = { path = \"x.wasm\" }",
            "other:thing",
        ),
        (
            "[[trigger.redis]]\nchannel = \"x\"\ncomponent = \"front\"",
            "trigger.redis",
        ),
    ] {
        let text = rejection(more);
        assert!(
            text.contains(key) && text.contains("not supported"),
            "{text}"
        );
    }
}

#[test]
fn misspelt_key_is_named() {
    let text = parse(&APPLICATION.replace("[variables]", "[varables]"))
        .expect_err("misspelt")
        .to_string();
    assert!(
        text.contains("varables") && text.contains("variables"),
        "{text}"
    );
}

#[test]
fn adapter_dependency_is_accepted() {
    for name in [
        "spindle:adapter",
        "spindle:adapter@0.1.0",
        "spindle:adapter/postgres@0.1.0",
    ] {
        let text = format!(
            "{APPLICATION}allowed_outbound_hosts = [\"http://127.0.0.1:9000\"]\n\
             [component.front.dependencies]\n\"{name}\" = {{ path = \"client.wasm\" }}"
        );
        assert!(parse(&text).is_ok(), "{name}");
    }
    assert!(
        parse(&format!(
            "{APPLICATION}[component.front.dependencies]\n\"spindle:adapters\" = {{ path = \"x\" }}"
        ))
        .is_err()
    );
}

#[test]
fn invalid_and_duplicate_routes_are_rejected() {
    let route = |route: &str, component: &str| {
        let more = format!("[[trigger.http]]\nroute = {route}\ncomponent = \"{component}\"");
        parse(&format!("{APPLICATION}{more}"))
            .expect("parsed")
            .routes()
            .expect_err("rejected")
            .to_string()
    };
    assert!(route("\"/x\"", "back").contains("component `back` is not defined"));
    assert!(route("\"/...\"", "front").contains("twice"));
    assert!(route("{ private = true }", "front").contains("trigger.http.route"));
}

#[test]
fn other_manifest_version_is_rejected() {
    let text = parse(&APPLICATION.replace("version = 2", "version = 1"))
        .expect_err("version")
        .to_string();
    assert!(text.contains("must be 2, got 1"), "{text}");
}
