// Package finality decides the blocks that Snowman chooses: signed votes in rounds, locks, and certificates that anyone
// can check. It is pure. One Instance decides one height of one chain on one node: Step takes what happened and returns
// what to do, in order. It signs nothing, sends nothing and knows no clock: the caller has the keystore write down and
// sign a vote, sends it, runs the timers, and checks the signatures of others' votes before it hands them in.
//
// A height goes this way. In a round every validator gives one *prepare* vote, for a block or for none, and one
// *commit* vote. Round 0 has no leader: the vote goes to the block that Snowman prefers. Later rounds have one: its
// prepare vote is its proposal. A node that sees prepare votes of a quorum for a block, in the round in which it is,
// locks the block and commits to it; a quorum of commit votes for a block in any one round is the certificate that
// decides the height. A quorum is more than two thirds of the stake.
//
// Why no two honest nodes decide differently while less than a third of the stake is faulty: two quorums share an
// honest validator, so one round has prepare quorums for at most one block. When a certificate for b exists in round r,
// more than a third of the stake is honest and locked on b at r; none of these prepares another block in a later round
// unless it sees a quorum for that block in a round from its lock on, and the first such quorum would need one of them.
// docs/finality.md has the argument step by step.
//
// A lock needs no record of its own: it is the commit vote of the highest round, and votes are durable before they
// leave. So a node that starts again is given its own votes and goes on where it was (Config.Own).
package finality
