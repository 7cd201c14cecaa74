//! Links of Markdown files to files of the repository.

use super::File;

/// Every link whose file is not in the repository.
pub(super) fn links(files: &[File]) -> Vec<String> {
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.has_extension("md")) {
        for target in targets(file.text().unwrap_or_default()) {
            if !leads_somewhere(files, &file.path, &target) {
                faults.push(format!("{}: the link to {target} leads nowhere", file.path));
            }
        }
    }
    faults
}

/// What `[text](target)` and `src="target"` name, without the code blocks and without what is on the web.
fn targets(markdown: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_code = false;
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            let prose = without_code(line);
            found.extend(enclosed(&prose, "](", ')'));
            found.extend(enclosed(&prose, "src=\"", '"'));
        }
    }
    let elsewhere = |target: &String| target.contains("://") || target.starts_with("mailto:");
    found.retain(|target| !elsewhere(target));
    found
}

/// The line without what stands between backticks.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

fn enclosed(line: &str, open: &str, close: char) -> Vec<String> {
    line.split(open).skip(1).filter_map(|rest| rest.split([close, ' ']).next()).map(str::to_owned).collect()
}

fn leads_somewhere(files: &[File], from: &str, target: &str) -> bool {
    let path = target.split('#').next().unwrap_or(target);
    if path.is_empty() {
        return true;
    }
    let Some(path) = resolved(from, path) else {
        return false;
    };
    let inside = format!("{path}/");
    path.is_empty() || files.iter().any(|file| file.path == path || file.path.starts_with(&inside))
}

/// The path from the root, or nothing where it leaves the repository.
fn resolved(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::super::Content;
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), content: Content::Text(text.to_owned()) }
    }

    #[test]
    fn links_to_files_folders_and_the_web_pass() {
        let text = "[a](docs/a.png) ![b](./docs/a.png \"title\") [c](docs/) [d](#here) [e](README.md#there)\n\
                    [f](https://example.org/x) `[g](nowhere.md)` <img src=\"docs/a.png\">\n\
                    ```\n[h](nowhere.md)\n```\n";
        let files = [file("README.md", text), file("docs/a.png", "")];
        assert_eq!(links(&files), [""; 0]);
    }

    #[test]
    fn links_resolve_from_their_own_folder() {
        let files = [
            file("docs/a.md", "[up](../README.md) [beside](b.md)"),
            file("README.md", ""),
            file("docs/b.md", ""),
        ];
        assert_eq!(links(&files), [""; 0]);
    }

    #[test]
    fn links_to_nothing_and_out_of_the_repository_are_found() {
        for text in ["[a](gone.md)", "[a](../README.md)", "<img src=\"gone.png\">", "[a](READ)"] {
            assert_eq!(links(&[file("README.md", text)]).len(), 1, "{text}");
        }
    }
}
