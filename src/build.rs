//! The use case below the line: fetch the staged archive, judge it again, push its image, mark the record.
