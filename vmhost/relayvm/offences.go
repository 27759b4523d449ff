package relayvm

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/statements"
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
	// said the opposite. Before that there is nobody, and who is outvoted later joins them.
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

// offenceKey is the place of an offence in the state: one for each kind of each validator on a relay parent, whichever
// statements prove it, and one for each candidate that a group disagrees on, whoever has said what by then.
func (f *finding) offenceKey() string {
	at := fmt.Sprintf("%s%v/%d/", keyOffence, f.in.RelayParent, f.kind)
	if f.kind == statements.Disagreement {
		return at + f.candidate.String()
	}
	return fmt.Sprintf("%s%010d", at, f.said[0].Validator)
}

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
	key := f.offenceKey()
	entry, err := r.get(key)
	if err != nil {
		return err
	}
	if entry != nil && f.kind != statements.Disagreement {
		return verdictf("it is recorded already")
	}
	if err := f.proves(); err != nil {
		return err
	}
	o := f.offence(r.above.height)
	if entry != nil {
		if o, err = joined(entry, o); err != nil {
			return err
		}
	}
	content, err := json.Marshal(o)
	if err != nil {
		return err
	}
	r.state.Put(key, content)
	return nil
}

// joined is the record of a disagreement that goes on: with those who have been outvoted since.
func joined(entry []byte, now Offence) (Offence, error) {
	var before Offence
	if err := json.Unmarshal(entry, &before); err != nil {
		return now, vmsdk.Corruptf("an offence can't be read: %v", err)
	}
	all := before.Offenders
	for _, o := range now.Offenders {
		if !slices.Contains(all, o) {
			all = append(all, o)
		}
	}
	if len(all) == len(before.Offenders) {
		return now, verdictf("it is recorded already")
	}
	slices.SortFunc(all, func(a, b Offender) int { return cmp.Compare(a.Index, b.Index) })
	now.Offenders = all
	return now, nil
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
