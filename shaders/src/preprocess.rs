//! The preprocessor: `#import`, and conditionals for storage formats.
//!
//! A directive stands alone on its line. `#import name` puts `shared/name.wgsl` there, the first time that it is
//! met. `#ifdef FORMAT`, `#ifndef FORMAT`, `#else` and `#endif` choose text by the [`Format`] that is compiled for;
//! everything else that varies is an `override` constant of WGSL. `//! variants: FORMAT …` among the `//!` lines at
//! the top of an entry file lists the formats that it is compiled for.

use crate::error::{DirectiveProblem, Error};
use std::{collections::BTreeMap, collections::BTreeSet, fmt, fs, path::Path};

/// How the samples of a volume are stored on the GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `UNORM16`: integers of up to 16 bits, signed ones biased by 32768, in an `R16Unorm` texture.
    Unorm16,
    /// `UINT16`: integers of up to 16 bits, signed ones biased by 32768, in an `R16Uint` texture.
    Uint16,
    /// `FLOAT32`: `f32` in an `R32Float` texture.
    Float32,
}

impl Format {
    const ALL: [Self; 3] = [Self::Unorm16, Self::Uint16, Self::Float32];

    /// The format's name in shader sources.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unorm16 => "UNORM16",
            Self::Uint16 => "UINT16",
            Self::Float32 => "FLOAT32",
        }
    }

    fn parse(name: &str, at: &Origin) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| Error::Directive {
            at: at.clone(),
            problem: DirectiveProblem::UnknownFormat(name.to_owned()),
        })
    }
}

/// A line of a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file, relative to the folder of shaders, with `/`.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// The shader sources: entry files and shared files by name, without `.wgsl`.
#[derive(Clone, Debug, Default)]
pub struct SourceTree {
    /// `*.wgsl`, one entry point each.
    pub entries: BTreeMap<String, String>,
    /// `shared/*.wgsl`, what `#import` finds.
    pub shared: BTreeMap<String, String>,
}

impl SourceTree {
    /// Reads `folder/*.wgsl` and `folder/shared/*.wgsl`.
    ///
    /// # Errors
    /// [`Error::Io`] if a folder or file cannot be read or is not UTF-8.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        Ok(Self { entries: read_folder(folder)?, shared: read_folder(&folder.join("shared"))? })
    }
}

fn read_folder(folder: &Path) -> Result<BTreeMap<String, String>, Error> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io { source, path }
    };
    let mut files = BTreeMap::new();
    for item in fs::read_dir(folder).map_err(failed(folder))? {
        let path = item.map_err(failed(folder))?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if let (Some(stem), Some("wgsl")) = (stem, path.extension().and_then(|e| e.to_str())) {
            files.insert(stem.to_owned(), fs::read_to_string(&path).map_err(failed(&path))?);
        }
    }
    Ok(files)
}

/// An entry file with its imports and conditionals resolved: plain WGSL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The WGSL text; each line ends with `\n`.
    pub text: String,
    /// Where each line of `text` comes from.
    pub origins: Vec<Origin>,
}

impl Resolved {
    /// The source of a line of [`Resolved::text`], counted from 1. Lines outside the text belong to its last line.
    pub fn origin(&self, line: usize) -> Origin {
        let found = self.origins.get(line.saturating_sub(1)).or(self.origins.last());
        found.cloned().unwrap_or(Origin { file: String::new(), line: 0 })
    }
}

/// The storage formats that an entry file is compiled for, in its order; none if it does not depend on them.
///
/// # Errors
/// [`Error::UnknownEntry`], or [`Error::Directive`] if the list names something that is no format.
pub fn variants(sources: &SourceTree, entry: &str) -> Result<Vec<Format>, Error> {
    let text = entry_text(sources, entry)?;
    let mut formats = Vec::new();
    for (index, line) in text.lines().enumerate().take_while(|(_, line)| line.starts_with("//!")) {
        if let Some(names) = line.strip_prefix("//! variants:") {
            let at = Origin { file: format!("{entry}.wgsl"), line: index + 1 };
            for name in names.split_whitespace() {
                formats.push(Format::parse(name, &at)?);
            }
        }
    }
    Ok(formats)
}

/// Resolves an entry file for a storage format.
///
/// # Errors
/// [`Error::UnknownEntry`], or [`Error::Directive`] for the first directive that is wrong.
pub fn resolve(sources: &SourceTree, entry: &str, format: Option<Format>) -> Result<Resolved, Error> {
    let mut resolver = Resolver {
        sources,
        format,
        done: BTreeSet::new(),
        open: Vec::new(),
        resolved: Resolved { text: String::new(), origins: Vec::new() },
    };
    resolver.file(&format!("{entry}.wgsl"), entry_text(sources, entry)?)?;
    Ok(resolver.resolved)
}

fn entry_text<'a>(sources: &'a SourceTree, entry: &str) -> Result<&'a str, Error> {
    let found = sources.entries.get(entry).map(String::as_str);
    found.ok_or_else(|| Error::UnknownEntry { name: entry.to_owned() })
}

struct Resolver<'a> {
    sources: &'a SourceTree,
    format: Option<Format>,
    /// Shared files that are in the text already.
    done: BTreeSet<String>,
    /// Shared files that are being read, outermost first.
    open: Vec<String>,
    resolved: Resolved,
}

/// An `#ifdef` or `#ifndef` that is not closed yet.
struct Conditional {
    at: Origin,
    active: bool,
    in_else: bool,
}

impl Resolver<'_> {
    fn file(&mut self, file: &str, text: &str) -> Result<(), Error> {
        let mut conditionals: Vec<Conditional> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let at = Origin { file: file.to_owned(), line: index + 1 };
            let active = conditionals.iter().all(|conditional| conditional.active);
            if line.trim_start().starts_with('#') {
                self.directive(line, at, active, &mut conditionals)?;
            } else if active {
                self.resolved.text.push_str(line);
                self.resolved.text.push('\n');
                self.resolved.origins.push(at);
            }
        }
        match conditionals.pop() {
            Some(open) => Err(Error::Directive { at: open.at, problem: DirectiveProblem::Unterminated }),
            None => Ok(()),
        }
    }

    fn directive(
        &mut self,
        line: &str,
        at: Origin,
        active: bool,
        conditionals: &mut Vec<Conditional>,
    ) -> Result<(), Error> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let failed = |at: &Origin, problem| Err(Error::Directive { at: at.clone(), problem });
        match words[..] {
            ["#import", name] if active => self.import(name, &at)?,
            ["#import", _] => {}
            [opening @ ("#ifdef" | "#ifndef"), name] => {
                let defined = self.format == Some(Format::parse(name, &at)?);
                conditionals.push(Conditional {
                    at,
                    active: defined == (opening == "#ifdef"),
                    in_else: false,
                });
            }
            ["#else"] => match conditionals.last_mut() {
                Some(open) if !open.in_else => {
                    open.active = !open.active;
                    open.in_else = true;
                }
                _ => return failed(&at, DirectiveProblem::Unmatched("#else".to_owned())),
            },
            ["#endif"] => {
                if conditionals.pop().is_none() {
                    return failed(&at, DirectiveProblem::Unmatched("#endif".to_owned()));
                }
            }
            _ => return failed(&at, DirectiveProblem::Unknown(line.trim().to_owned())),
        }
        Ok(())
    }

    fn import(&mut self, name: &str, at: &Origin) -> Result<(), Error> {
        let failed = |problem| Err(Error::Directive { at: at.clone(), problem });
        if let Some(first) = self.open.iter().position(|open| open == name) {
            let mut chain = self.open.split_off(first);
            chain.push(name.to_owned());
            return failed(DirectiveProblem::ImportCycle(chain));
        }
        if self.done.contains(name) {
            return Ok(());
        }
        let sources = self.sources;
        let Some(text) = sources.shared.get(name) else {
            return failed(DirectiveProblem::UnknownImport(name.to_owned()));
        };
        self.open.push(name.to_owned());
        self.file(&format!("shared/{name}.wgsl"), text)?;
        self.open.pop();
        self.done.insert(name.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entry: &str, shared: &[(&str, &str)]) -> SourceTree {
        let own = |&(name, text): &(&str, &str)| (name.to_owned(), text.to_owned());
        SourceTree { entries: [own(&("entry", entry))].into(), shared: shared.iter().map(own).collect() }
    }

    fn problem(sources: &SourceTree) -> (String, DirectiveProblem) {
        match resolve(sources, "entry", None) {
            Err(Error::Directive { at, problem }) => (at.to_string(), problem),
            other => panic!("expected a directive error, got {other:?}"),
        }
    }

    #[test]
    fn conditionals_nest_and_follow_the_format() {
        let sources = tree(
            "a\n#ifdef UNORM16\nb\n#ifndef FLOAT32\nc\n#else\nd\n#endif\n#else\n#ifdef FLOAT32\ne\n#endif\nf\n#endif\ng",
            &[],
        );
        let text = |format| resolve(&sources, "entry", format).map(|resolved| resolved.text).unwrap();
        assert_eq!(text(Some(Format::Unorm16)), "a\nb\nc\ng\n");
        assert_eq!(text(Some(Format::Float32)), "a\ne\nf\ng\n");
        assert_eq!(text(None), "a\nf\ng\n");
    }

    #[test]
    fn a_shared_file_comes_once_before_what_needs_it() {
        let sources = tree("#import b\n#import a\nentry", &[("a", "first"), ("b", "#import a\nsecond")]);
        let resolved = resolve(&sources, "entry", None).unwrap();
        assert_eq!(resolved.text, "first\nsecond\nentry\n");
        let origins: Vec<String> = (1..=3).map(|line| resolved.origin(line).to_string()).collect();
        assert_eq!(origins, ["shared/a.wgsl:1", "shared/b.wgsl:2", "entry.wgsl:3"]);
    }

    #[test]
    fn an_import_that_is_switched_off_is_not_read() {
        let sources = tree("#ifdef FLOAT32\n#import missing\n#endif", &[]);
        assert_eq!(resolve(&sources, "entry", None).unwrap().text, "");
        let error = resolve(&sources, "entry", Some(Format::Float32)).unwrap_err();
        assert_eq!(error.to_string(), "entry.wgsl:2: #import missing: there is no shared/missing.wgsl");
    }

    #[test]
    fn cycles_are_named() {
        let sources = tree("#import a", &[("a", "\n#import b"), ("b", "#import a")]);
        let chain = ["a", "b", "a"].map(str::to_owned).to_vec();
        assert_eq!(problem(&sources), ("shared/b.wgsl:1".to_owned(), DirectiveProblem::ImportCycle(chain)));
    }

    #[test]
    fn wrong_directives_are_refused() {
        use DirectiveProblem::{Unknown, UnknownFormat, Unmatched, Unterminated};
        let cases = [
            ("x\n#ifdef FLOAT32\n#else\n", 2, Unterminated),
            ("#endif", 1, Unmatched("#endif".to_owned())),
            ("#else", 1, Unmatched("#else".to_owned())),
            ("#ifdef FLOAT32\n#else\n#else\n#endif", 3, Unmatched("#else".to_owned())),
            ("#ifdef UNROM16\n#endif", 1, UnknownFormat("UNROM16".to_owned())),
            ("  #define X", 1, Unknown("#define X".to_owned())),
            ("#import", 1, Unknown("#import".to_owned())),
        ];
        for (text, line, expected) in cases {
            assert_eq!(problem(&tree(text, &[])), (format!("entry.wgsl:{line}"), expected), "{text}");
        }
        let split = tree("#import open\n#endif", &[("open", "#ifdef FLOAT32")]);
        assert_eq!(problem(&split), ("shared/open.wgsl:1".to_owned(), Unterminated));
    }

    #[test]
    fn variants_are_listed_at_the_top() {
        let list = |text| variants(&tree(text, &[]), "entry").map_err(|error| error.to_string());
        assert_eq!(
            list("//! Doc.\n//! variants: FLOAT32 UNORM16\n"),
            Ok(vec![Format::Float32, Format::Unorm16])
        );
        assert_eq!(list("//! Doc.\nfn f() {}\n//! variants: FLOAT32\n"), Ok(vec![]));
        assert_eq!(list("//! variants: HALF"), Err("entry.wgsl:1: \"HALF\" is no storage format".to_owned()));
        assert!(matches!(variants(&tree("", &[]), "other"), Err(Error::UnknownEntry { .. })));
    }
}
