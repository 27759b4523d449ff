// Package snowball decides between conflicting blocks by repeated polls of a sample of the validators. It holds two things: the
// parameters of a chain, with the rule that scales them to its validator set, and the Flake, the instance that decides between
// the children of one parent. It counts and decides; it samples nobody, sends nothing and knows neither time nor chance.
//
// The rules are those of Snowflake (Team Rocket et al., "Scalable and Probabilistic Leaderless BFT Consensus through
// Metastability", 2019), with three additions that small validator sets need. They were found by simulation, and the
// simulation is a test of package snowman:
//
//   - A tie ends. Where the whole set is asked in every poll, chance can't break a tie, and twenty equal validators could stand
//     before ten blocks for ever. So a voter whose own preference can't have a majority of the sample moves to the option with
//     most votes, the lowest id among equals. See Flake.breakTie.
//   - Unanimity is quick. When every unit of a census votes for the same block, no later poll can turn more than the liars,
//     so a few such polls in a row decide (Parameters.BetaUnanimous) and the happy path takes one or two round trips.
//   - The choice is made per block and not bit by bit of its hash, so votes for two losing blocks never help each other.
package snowball
