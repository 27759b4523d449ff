// Package vmsdk is for authors of virtual machines: the state machine of a chain, run as a plugin process next to a
// validator. You write ParseBlock, BuildBlock and a Block with Verify, Accept and Reject; the node brings consensus,
// peers, a database, HTTP and restarts. The whole main function is
//
//	func main() { vmsdk.Serve(&VM{}) }
//
// Rules that the SDK keeps for you: block calls come one at a time; a block that the chain processes is one Go value
// from its verification to its decision, and Verify gets its
// parent's; what Accept writes is committed together with the
// record of the block, so after a crash at any point both are at the same block; a VM that crashes is started again and
// shown the undecided blocks again.
//
// Three things are the author's, and the SDK has what they need. Users are told of a block in Committed, which comes
// when what the block wrote is durable, and are answered from Chain.Durable, not from Chain.DB: else a power cut
// takes away what they have been told is final. An error of a read isn't ErrNotFound: whatever can't be read is
// neither absent nor zero. What waits for a block is kept in a Mempool, which says what it refuses and why, returns
// an InvalidGossipError for what no honest node sends, and complains in Health when it stays full; bounds:
// docs/limits.md.
//
// The same VM value runs in a test, inside a simulation, over a pipe and as a plugin; package vmtest checks it in all
// of them.
package vmsdk
