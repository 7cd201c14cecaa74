//! Names in the character sets of real files.

use crate::shared::{data, scan_bytes, unzipped};

/// What pydicom 3.0.2 reads as Patient's Name.
const NAMES: [(&str, &str); 15] = [
    ("chrArab", "قباني^لنزار"),
    ("chrFren", "Buc^Jérôme"),
    ("chrFrenMulti", "Buc^Jérôme"),
    ("chrGerm", "Äneas^Rüdiger"),
    ("chrGreek", "Διονυσιος"),
    ("chrH31", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    ("chrH32", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
    ("chrHbrw", "שרון^דבורה"),
    ("chrI2", "Hong^Gildong=洪^吉洞=홍^길동"),
    ("chrJapMulti", "やまだ^たろう"),
    ("chrJapMultiExplicitIR6", "やまだ^たろう"),
    ("chrKoreanMulti", "김희중"),
    ("chrRuss", "Люкceмбypг"),
    ("chrX1", "Wang^XiaoDong=王^小東"),
    ("chrX2", "Wang^XiaoDong=王^小东"),
];

#[test]
fn names_are_what_another_reader_says() {
    let Some(zip) = data("syntaxes.zip") else { return };
    let files = unzipped(&zip, "syntaxes/charsets/");
    for (file, name) in NAMES {
        let bytes = files[&format!("syntaxes/charsets/{file}.dcm")].clone();
        let header = &scan_bytes(bytes).unwrap().instances[0];
        let ours = header.identity().patient_name.unwrap();
        // pydicom leaves out empty component groups at the end.
        assert_eq!(ours.trim_end_matches('='), name, "{file}");
        assert!(!format!("{header:?}").contains(&ours));
    }
}
