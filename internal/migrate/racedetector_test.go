//go:build race

package migrate_test

// raceDetector says that everything takes ten times as long. What wants much work
// is done at full size without it, see the target collect of the Makefile.
const raceDetector = true
