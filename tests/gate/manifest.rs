use crate::packs::*;
#[test]
fn explore() {
    for y in std::fs::read_to_string("/tmp/cases.txt").unwrap().split("=====\n") {
        println!("-----\n{y}");
        match judge_yaml(y) {
            Ok(p) => println!("  OK {:?}\n{}", p.manifest, p.manifest.capabilities.as_deref().unwrap_or("")),
            e => {
                for (f, ms) in problems(&e) {
                    for m in ms {
                        println!("   {f:50} | {m}");
                    }
                }
            }
        }
    }
}
