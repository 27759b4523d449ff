package relayvm

import (
	"encoding/json"
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

const (
	keyOffence = "offence/"
	keyDispute = "dispute/"
)

// Offence is what is recorded of a report of misbehaviour. What follows from it is for people to decide.
type Offence struct {
	ID          primitives.Hash `json:"id"` // of the report
	Kind        string          `json:"kind"`
	Session     uint32          `json:"session"`
	RelayParent primitives.Hash `json:"relayParent"`
	Candidate   primitives.Hash `json:"candidate"`
	// Offenders are those who broke a rule; of a disagreement those who were outvoted, once a quorum of the group has
	// said the opposite. Before that there is nobody.
	Offenders []Offender `json:"offenders"`
	Height    uint64     `json:"height"` // of the block that recorded it
}

// Offender is a validator, by its index in the session.
type Offender struct {
	Index     uint32          `json:"index"`
	PublicKey primitives.Hash `json:"publicKey"`
}

// Dispute is a validator's claim that an included candidate is invalid.
type Dispute struct {
	Candidate primitives.Hash `json:"candidate"`
	Session   uint32          `json:"session"`
	Validator Offender        `json:"validator"`
	Height    uint64          `json:"height"`
}

func offenceKey(id primitives.Hash) string { return keyOffence + id.String() }

func disputeKey(candidate primitives.Hash, validator uint32) string {
	return fmt.Sprintf("%s%v/%010d", keyDispute, candidate, validator)
}

// sift records reports and disputes, and lists those that a block may have. When it is strict, the first that it may
// not have is an error.
func (r *run) sift(data *provisionerv1.InherentData, strict bool) (*provisionerv1.InherentData, error) {
	out := &provisionerv1.InherentData{}
	for i, m := range data.GetMisbehaviorReports() {
		err := r.record(m, len(out.MisbehaviorReports))
		if err == nil {
			out.MisbehaviorReports = append(out.MisbehaviorReports, m)
		} else if !isVerdict(err) || strict {
			return nil, wrapped(err, "report %d of the inherent", i)
		}
	}
	for i, m := range data.GetDisputes() {
		err := r.dispute(m, len(out.Disputes))
		if err == nil {
			out.Disputes = append(out.Disputes, m)
		} else if !isVerdict(err) || strict {
			return nil, wrapped(err, "dispute %d of the inherent", i)
		}
	}
	return out, nil
}

// record takes up a report, if it holds and is new.
func (r *run) record(m *misbehaviorv1.MisbehaviorReport, before int) error {
	if before >= maxReports {
		return verdictf("a block has %d reports at most", maxReports)
	}
	f, err := r.finding(m)
	if err != nil {
		return err
	}
	key := offenceKey(f.id())
	entry, err := r.get(key)
	switch {
	case err != nil:
		return err
	case entry != nil:
		return verdictf("it is recorded already")
	}
	if err := f.proves(); err != nil {
		return err
	}
	content, err := json.Marshal(f.offence(r.above.height))
	if err != nil {
		return err
	}
	r.state.Put(key, content)
	return nil
}

// dispute takes up a validator's word against a candidate that has been included lately.
func (r *run) dispute(m *primitivesv1.Dispute, before int) error {
	if before >= maxDisputes {
		return verdictf("a block has %d disputes at most", maxDisputes)
	}
	word, err := readDispute(m)
	if err != nil {
		return err
	}
	included, err := r.wasIncluded(word.said.Candidate)
	if err != nil {
		return err
	}
	key := disputeKey(word.said.Candidate, word.said.Validator)
	entry, err := r.get(key)
	switch {
	case err != nil:
		return err
	case !included:
		return verdictf("the candidate %v hasn't been included lately", word.said.Candidate.Short())
	case entry != nil:
		return verdictf("validator %d has disputed the candidate already", word.said.Validator)
	}
	set := r.world.validators(word.in.Session)
	if !signedBy(set, word.in, word.said) {
		return verdictf("it isn't signed by validator %d of session %d", word.said.Validator, word.in.Session)
	}
	content, err := json.Marshal(Dispute{
		Candidate: word.said.Candidate, Session: word.in.Session, Height: r.above.height,
		Validator: Offender{word.said.Validator, set[word.said.Validator].PublicKey},
	})
	if err != nil {
		return vmsdk.Corruptf("a dispute has no encoding: %v", err)
	}
	r.state.Put(key, content)
	return nil
}
