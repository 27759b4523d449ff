// Package snowball chooses between conflicting blocks by repeated polls of a sample of the validators. It holds two
// things: the parameters of a chain, with the rule that scales them to its validator set, and the Flake, the instance
// that chooses between the children of one parent. It counts; it samples nobody, sends nothing and knows neither time
// nor chance. It decides nothing: package finality does, by signed votes.
//
// The rules are those of Snowflake (Team Rocket et al., "Scalable and Probabilistic Leaderless BFT Consensus through
// Metastability", 2019), with additions that small validator sets need. They were found by simulation; the simulations
// are the tests of this package (voters alone) and of package snowman (whole networks):
//
//   - A tie ends. Where the whole set is asked in every poll, chance can't break a tie, and twenty equal validators
//     could stand before ten blocks for ever. So a voter whose own preference can't have a majority of the sample
//     moves to one that can, or to the lowest id that more voters support than may be lying. See Flake.breakTie; the
//     bound on liars, a quarter, is that of the phase-king protocols (Berman, Garay, Perry, "Towards optimal
//     distributed consensus", 1989), whose king is the lowest id.
//   - The choice is made per block and not bit by bit of its hash, so votes for two losing blocks never help each
//     other.
package snowball
