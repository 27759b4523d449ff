// Package snowman is the consensus engine as a pure core: Step takes one input, Tick the time, both return the actions that follow, in
// order. It calls nobody: not the VM, not the network, not the clock; chance comes from a seeded source. So production runs it behind a
// handler (services/engine), and a test runs hundreds of them in one loop with a seed.
//
// A block goes this way: it arrives (pushed, fetched, or built here) and its header is checked; once its parent is issued it is verified
// by the VM and issued itself; polls confirm it or a rival; it is accepted after its parent, or rejected.
//
// Everything that comes from a peer is data. Nothing a peer sends is an error that stops anything, and what is kept because of it is
// bounded.
package snowman
