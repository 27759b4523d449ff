package snowman

import (
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/validators"
)

// account is who something is kept for: a validator, by its index in the set, or all who aren't validators together. A
// block that nobody asked for is kept for the validator that signed it, one that was fetched for the peer that spoke of
// it. So whoever floods fills an account of its own, and takes no room from anybody else.
type account int

const strangers account = -1

// accountOf is the account of what a peer makes this node do.
func accountOf(set *validators.Set, n primitives.NodeID) account {
	if i, ok := set.Index(n); ok {
		return account(i)
	}
	return strangers
}

// part is what one account has of a whole that is shared by so many validators and the strangers: an even part, and
// never less than least. With many validators all parts together may be more than the whole.
func part(whole, least, validators int) int { return max(least, whole/(validators+1)) }
