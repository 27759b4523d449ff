// Package protocheck holds the rules of the protocol that a linter doesn't know: every message that a subsystem can
// receive says how it is carried, every request has an answer of its own, and every one is explained. It has no code,
// only tests; they read the descriptors that are linked in and the .proto files beside them.
package protocheck
