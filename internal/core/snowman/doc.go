// Package snowman is the consensus engine as a pure core: Step takes one input, Tick the time, both return the actions
// that follow, in order. It calls nobody: not the VM, not the network, not the clock; chance comes from a seeded
// source. So production runs it behind a handler (services/engine), and a test runs hundreds of them in one loop with a
// seed.
//
// A block goes through these parts: it arrives (pushed, fetched, or built here) and waits in the pool; issuing checks
// its header, has the VM verify it once its parent is issued, and adds it to the tree; polling brings the validators'
// preferences together when it has rivals; certifying has this node vote for what it prefers, counts the votes of all
// and finds the certificate that decides (package finality); it is accepted after its parent, or rejected. Beside that,
// catchUp brings a node that lags to where the network is, along certificates.
//
// Everything that comes from a peer is data. Nothing a peer sends is an error that stops anything, and what is kept
// because of it is bounded.
package snowman
