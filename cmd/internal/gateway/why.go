package gateway

import (
	"context"
	"net/http"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Why is what a node remembers of a height: how its block was chosen and decided, or what is missing. Validators are
// named as the genesis calls them, times are the node's.
type Why struct {
	Chain    string          `json:"chain"`
	Height   uint64          `json:"height"`
	Block    primitives.Hash `json:"block,omitzero"` // that was asked about
	State    string          `json:"state,omitempty"`
	Blocks   []IssuedBlock   `json:"blocks"` // that the VM found valid
	Polls    []Poll          `json:"polls"`
	Votes    []Vote          `json:"votes"`
	Decision *Decision       `json:"decision,omitempty"` // absent: the height isn't decided here
	Standing *Standing       `json:"standing,omitempty"` // absent: the height isn't being decided
	// Absences are by validator, of the last Certificates.
	Certificates uint32    `json:"certificates"`
	Absences     []Absence `json:"absences"`
}

// IssuedBlock is a block that was verified.
type IssuedBlock struct {
	Block    primitives.Hash `json:"block"`
	Proposer string          `json:"proposer"`
	Slot     uint64          `json:"slot"`
	From     string          `json:"from"` // who sent it
	Came     time.Time       `json:"came"`
	Issued   time.Time       `json:"issued"`
}

// Poll is what a sample of validators said to prefer, in units of stake.
type Poll struct {
	Began       time.Time    `json:"began"`
	Preferences []Preference `json:"preferences"`
	Missing     uint32       `json:"missing"`
}

// Preference is one answer of a poll.
type Preference struct {
	Block primitives.Hash `json:"block"`
	Units uint32          `json:"units"`
}

// Vote is a vote, and when it was first seen. A commit vote for a block is its validator's lock.
type Vote struct {
	Validator string          `json:"validator"`
	Round     uint32          `json:"round"`
	Phase     string          `json:"phase"`
	Block     primitives.Hash `json:"block,omitzero"` // absent: a vote for no block
	Seen      time.Time       `json:"seen,omitzero"`  // absent: it is known from the certificate alone
	Late      bool            `json:"late,omitempty"` // the height was decided, and nobody has checked the signature
}

// Decision is how a height was decided.
type Decision struct {
	Block   primitives.Hash `json:"block"`
	Round   uint32          `json:"round"`
	Signed  []string        `json:"signed"`
	Decided time.Time       `json:"decided,omitzero"`
	Durable time.Time       `json:"durable,omitzero"`
}

// Standing is where the node is in the rounds of the height that is being decided.
type Standing struct {
	Round  uint32          `json:"round"`
	Locked primitives.Hash `json:"locked,omitzero"`
	Valid  primitives.Hash `json:"valid,omitzero"` // the newest block that a quorum prepared
	Begun  bool            `json:"begun"`          // somebody has proposed or voted
	// VotesMissing are validators of which no vote of this round is known.
	VotesMissing []string `json:"votesMissing"`
}

// Absence is how many of the last certificates lack a validator's vote.
type Absence struct {
	Validator string `json:"validator"`
	Missing   uint32 `json:"missing"`
}

func (g *Gateway) onWhy(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), sourceTimeout)
	defer cancel()
	why, err := within(ctx, func() (*Why, error) { return g.config.Why(ctx, r.PathValue("chain"), r.PathValue("at")) })
	if err != nil {
		refuseBlock(w, err)
		return
	}
	answer(w, http.StatusOK, why)
}
