// Package bench turns measurements into comparisons that can be believed on a busy machine. It receives the figures of
// rounds that were played in turn by Reeve and by its peers, and gives rows: both medians, the ratio taken pair by pair
// with its spread, the target and whether it was met, as a table for people and as JSON for scripts.
//
// It measures nothing itself and never compares figures that were not taken side by side: a ratio of two
// medians from different minutes of a shared machine says more about the minutes than about the systems.
package bench
