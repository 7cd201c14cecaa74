use crate::{
    Error, InterfaceProblem, Shader,
    check::compile,
    lint::{Rule, Violation},
    preprocess::{Format, SourceTree},
    reflect::{Binding, BindingKind, Dimension, Field, Reflection, SampleType, StructLayout},
    selftest,
};
use std::{borrow::Cow, path::Path};

const OUTPUT: &str = "@group(0) @binding(0) var<storage, read_write> output: array<u32>;\n";

fn try_compile(text: &str) -> Result<Reflection, Error> {
    let sources =
        SourceTree { entries: [("entry".to_owned(), text.to_owned())].into(), ..Default::default() };
    compile(&sources, "entry", None).map(|compiled| compiled.reflection)
}

/// The rules that an entry point with this body breaks. `id` is the invocation, `n` a number from a buffer.
fn broken(body: &str) -> Vec<Rule> {
    let text = format!(
        "{OUTPUT}@group(0) @binding(1) var<uniform> n: u32;\nconst CAP = 1000u;\nconst STEP = 2u;\n\
         fn touch(i: ptr<function, u32>) {{ *i = 0u; }}\n\
         fn store(index: u32, value: u32) {{ if (index < arrayLength(&output)) {{ output[index] = value; }} }}\n\
         @compute @workgroup_size(64)\nfn entry(@builtin(global_invocation_id) id: vec3<u32>) {{\n{body}\n}}"
    );
    match try_compile(&text) {
        Ok(_) => Vec::new(),
        Err(Error::Lint { violations }) => {
            assert!(violations.iter().all(|violation| violation.at.line >= 8), "{violations:?}");
            violations.into_iter().map(|violation| violation.rule).collect()
        }
        Err(other) => panic!("{body}\n{other}"),
    }
}

#[test]
fn writes_that_are_checked_pass() {
    for body in [
        "store(id.x, 1u);",
        "let i = id.x; if (i < arrayLength(&output)) { output[i] = 1u; }",
        "let i = id.x; if (i >= arrayLength(&output)) { return; } if (n > 3u) { output[i] = 1u; }",
        "let i = id.x; if (i >= arrayLength(&output)) { return; } else { output[i] = 1u; }",
        "var local = array<u32, 4>(); local[id.x & 3u] = n;",
    ] {
        assert_eq!(broken(body), [], "{body}");
    }
}

#[test]
fn writes_that_are_not_checked_fail() {
    for body in [
        "output[id.x] = 1u;",
        "output[0] = 1u;",
        "let i = id.x; if (i < n) { output[i] = 1u; }",
        "let i = id.x; if (i <= arrayLength(&output)) { output[i] = 1u; }",
        "let i = id.x; if (i < arrayLength(&output)) { output[i + 1u] = 1u; }",
        "let i = id.x; if (i < arrayLength(&output)) { output[id.y] = 1u; }",
        "let i = id.x; if (i < arrayLength(&output)) { } output[i] = 1u;",
        "let i = id.x; if (i < arrayLength(&output)) { } else { output[i] = 1u; }",
        "let i = id.x; if (i >= arrayLength(&output)) { output[i] = 1u; }",
        "let i = id.x; if (i < arrayLength(&output)) { return; } output[i] = 1u;",
        "let i = id.x; { if (i >= arrayLength(&output)) { return; } } output[i] = 1u;",
        "var i = id.x; if (i < arrayLength(&output)) { i += 1u; output[i] = 1u; }",
        "let p = &output[id.x]; *p = 1u;",
    ] {
        assert_eq!(broken(body), [Rule::Bounds], "{body}");
    }
}

#[test]
fn writes_to_structs_and_atomics_are_checked_too() {
    let rules = |body: &str| {
        let text = format!(
            "struct Cell {{ low: u32, high: array<u32, 4> }}\nstruct Cells {{ count: atomic<u32>, cells: array<Cell> }}\n\
             @group(0) @binding(0) var<storage, read_write> a: Cells;\n@group(0) @binding(1) var<storage, read_write> \
             b: array<atomic<u32>>;\n@compute @workgroup_size(1)\nfn entry(@builtin(global_invocation_id) id: \
             vec3<u32>) {{\nlet i = id.x;\n{body}\n}}"
        );
        match try_compile(&text) {
            Err(Error::Lint { violations }) => violations.len(),
            other => other.map(|_| 0).unwrap(),
        }
    };
    let in_a = |write: &str| format!("if (i < arrayLength(&a.cells)) {{ {write} }}");
    assert_eq!(rules(&in_a("a.cells[i].low = 1u; a.cells[i].high[3] = 1u; atomicAdd(&a.count, 1u);")), 0);
    assert_eq!(rules("if (i < arrayLength(&b)) { atomicMax(&b[i], 1u); }"), 0);
    assert_eq!(rules("atomicMax(&b[i], 1u);"), 1);
    assert_eq!(rules(&in_a("atomicMax(&b[i], 1u);")), 1, "the length of another buffer");
    assert_eq!(rules(&in_a("a.cells[i].high[i] = 1u;")), 1, "an array inside the element");
}

#[test]
fn loops_with_a_cap_pass() {
    for body in [
        "for (var i = 0u; i < CAP; i++) { store(i, n); }",
        "for (var i = n; i < 65536u; i += STEP) { if (i > n) { continue; } if (n > 3u) { break; } }",
        "for (var i = 0u; i < min(n, CAP); i++) { for (var j = 0u; j < 4u; j++) { store(i, j); } }",
        "var i: u32; for (i = 0u; i < min(CAP, n); i = i + 1u) { }",
    ] {
        assert_eq!(broken(body), [], "{body}");
    }
}

#[test]
fn loops_without_a_cap_fail() {
    for body in [
        "loop { if (n > 3u) { break; } }",
        "while (n > 3u) { }",
        "var i = 0u; while (i < CAP) { i++; }",
        "for (var i = 0u; i < n; i++) { }",
        "for (var i = 0u; i < max(n, CAP); i++) { }",
        "for (var i = 0u; i < 65537u; i++) { }",
        "for (var i = 0u; i <= CAP; i++) { }",
        "for (var i = 0u; ; i++) { if (i > CAP) { break; } }",
        "for (var i = 0u; i < CAP; ) { i++; }",
        "for (var i = 0u; i < CAP; i += 0u) { }",
        "for (var i = 0u; i < CAP; i += n) { }",
        "for (var i = CAP; i < CAP; i--) { }",
        "for (var i = 0; i < 1000; i++) { }",
        "for (var i = 0u; i < CAP; i++) { i = 0u; }",
        "for (var i = 0u; i < CAP; i++) { if (n > 3u) { let p = &i; *p -= 1u; } }",
        "for (var i = 0u; i < CAP; i++) { touch(&i); }",
        "var j = 0u; for (var i = 0u; j < CAP; i++) { }",
        "var i = 0u; let start = i; for (; start < CAP; i++) { }",
        "var i = 0u; let start = i; for (; i < CAP; i = start + 1u) { }",
        "for (var i = 0u; i < CAP && n > 3u; i++) { }",
    ] {
        assert_eq!(broken(body), [Rule::Loops], "{body}");
    }
}

#[test]
fn a_loop_inside_a_helper_is_seen() {
    let text = "fn spin() {\n    loop { if (false) { break; } }\n}\n@compute @workgroup_size(1) fn entry() { spin(); }";
    let error = try_compile(text).unwrap_err();
    assert!(error.to_string().starts_with("entry.wgsl:2: a loop is not of the form"), "{error}");
}

#[test]
fn workgroups_are_small_and_fixed() {
    let rules = |size: &str| match try_compile(&format!(
        "override WIDTH: u32 = 8;\n@compute @workgroup_size({size})\nfn entry() {{}}"
    )) {
        Err(Error::Lint { violations }) => violations,
        other => other.map(|_| Vec::new()).unwrap(),
    };
    assert_eq!(rules("16, 16"), []);
    for size in ["16, 17", "1, 1, 257", "WIDTH"] {
        assert!(
            matches!(&rules(size)[..], [Violation { at, rule: Rule::Workgroup }] if at.line == 2),
            "{size}"
        );
    }
}

#[test]
fn structs_have_the_layout_of_wgsl() {
    // WGSL 14.4.1 "Alignment and Size": vec3<f32> has size 12 and alignment 16, mat3x3<f32> three columns of 16.
    let text = "struct Inner { a: vec3<f32>, b: f32 }\n\
        struct Params { flag: u32, origin: vec3<f32>, basis: mat3x3<f32>, inner: array<Inner, 2>, last: vec2<f32> }\n\
        struct Tail { count: u32, items: array<vec2<u32>> }\n\
        @group(1) @binding(2) var<storage> tail: Tail;\n@group(1) @binding(0) var<uniform> params: Params;\n\
        @group(0) @binding(7) var<uniform> unused: Params;\n@group(0) @binding(3) var table: texture_2d<f32>;\n\
        @group(0) @binding(4) var linear: sampler;\n@group(0) @binding(5) var labels: texture_3d<u32>;\n\
        @group(0) @binding(6) var exact: texture_1d<f32>;\n@compute @workgroup_size(8, 4)\nfn entry() {\n\
        _ = tail.count; _ = params.flag; _ = textureLoad(labels, vec3(0u), 0); _ = textureLoad(exact, 0u, 0);\n\
        _ = textureSampleLevel(table, linear, vec2(0.5), 0.0); }";
    let reflection = try_compile(text).unwrap();
    assert_eq!(reflection.workgroup_size, [8, 4, 1]);
    let layouts: Vec<String> = reflection.structs.iter().map(describe).collect();
    assert_eq!(
        layouts,
        [
            "Tail 16: count 0+4, items 8+8",
            "Inner 16: a 0+12, b 12+4",
            "Params 128: flag 0+4, origin 16+12, basis 32+48, inner 80+32, last 112+8",
        ]
    );
    let texture = |dimension, sample| BindingKind::Texture { dimension, sample };
    let expected = [
        (0, 3, "table", texture(Dimension::D2, SampleType::Float { filterable: true }), 0),
        (0, 4, "linear", BindingKind::Sampler, 0),
        (0, 5, "labels", texture(Dimension::D3, SampleType::Uint), 0),
        (0, 6, "exact", texture(Dimension::D1, SampleType::Float { filterable: false }), 0),
        (1, 0, "params", BindingKind::Uniform, 128),
        (1, 2, "tail", BindingKind::StorageRead, 16),
    ];
    let expected = expected.map(|(group, binding, name, kind, min_size)| Binding {
        group,
        binding,
        name: Cow::Borrowed(name),
        kind,
        min_size,
    });
    assert_eq!(reflection.bindings, expected);
}

fn describe(layout: &StructLayout) -> String {
    let field = |field: &Field| format!("{} {}+{}", field.name, field.offset, field.size);
    let fields: Vec<String> = layout.fields.iter().map(field).collect();
    format!("{} {}: {}", layout.name, layout.size, fields.join(", "))
}

#[test]
fn broken_wgsl_is_shown_where_it_was_written() {
    let sources = SourceTree {
        entries: [("entry".to_owned(), "#import bad\n@compute @workgroup_size(1) fn entry() {}".to_owned())]
            .into(),
        shared: [("bad".to_owned(), "\nfn bad() -> u32 { return 1.5; }".to_owned())].into(),
    };
    let error = compile(&sources, "entry", Some(Format::Uint16)).unwrap_err().to_string();
    assert!(error.starts_with("shared/bad.wgsl:2: invalid WGSL"), "{error}");
    assert!(error.contains("entry.wgsl, resolved for UINT16:2"), "{error}");
    assert!(error.contains("fn bad() -> u32 { return 1.5; }"), "{error}");
}

#[test]
fn optional_features_are_refused() {
    for (feature, text) in [
        ("f16", "enable f16;\n@compute @workgroup_size(1) fn entry() { var x = 1.0h; }"),
        ("SUBGROUP", "@compute @workgroup_size(1) fn entry(@builtin(subgroup_size) n: u32) { _ = n; }"),
        ("IMMEDIATES", "var<immediate> n: u32;\n@compute @workgroup_size(1) fn entry() { _ = n; }"),
        ("FLOAT64", "@compute @workgroup_size(1) fn entry() { var x = f64(1.0); }"),
    ] {
        match try_compile(text) {
            Err(Error::Invalid { report, .. }) => assert!(report.contains(feature), "{feature}:\n{report}"),
            other => panic!("{feature}: {other:?}"),
        }
    }
}

#[test]
fn one_compute_entry_point_named_as_the_file() {
    for (text, names) in [
        ("fn helper() {}", &[][..]),
        ("@compute @workgroup_size(1) fn other() {}", &["other"]),
        (
            "@compute @workgroup_size(1) fn entry() {}\n@compute @workgroup_size(1) fn second() {}",
            &["entry", "second"],
        ),
        ("@fragment fn entry() {}", &["entry"]),
    ] {
        match try_compile(text) {
            Err(Error::Interface { problem: InterfaceProblem::EntryPoints { found }, .. }) => {
                assert_eq!(found, names);
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    let written = "@group(0) @binding(0) var picture: texture_storage_2d<rgba8unorm, write>;\n\
        @compute @workgroup_size(1) fn entry() { _ = textureDimensions(picture); }";
    let problem = InterfaceProblem::UnsupportedBinding { name: "picture".to_owned() };
    assert!(matches!(try_compile(written), Err(Error::Interface { problem: found, .. }) if found == problem));
}

#[test]
fn what_was_built_is_what_the_sources_say() {
    let sources = SourceTree::read(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    let shader: &Shader = &selftest::SHADER;
    for format in [Format::Unorm16, Format::Uint16, Format::Float32] {
        let built = shader.variant(format).unwrap();
        let compiled = compile(&sources, "selftest", Some(format)).unwrap();
        assert_eq!(built.format, Some(format));
        assert_eq!(built.source, compiled.source);
        assert_eq!(built.bindings, compiled.reflection.bindings);
        assert_eq!(std::slice::from_ref(&selftest::PARAMS), compiled.reflection.structs);
    }
}
