package availabilitydistribution

import (
	"errors"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	distributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// decoded is what chunks give: data, or the root that what they give really has; zero: it has none.
type decoded struct {
	data   candidate.AvailableData
	actual primitives.Hash
}

// together puts data together from chunks and encodes it again: only that shows that the root is that of some data. The
// error is erasure.ErrInvalid when it isn't, or when that is no candidate's data.
func together(coder *erasure.Coder, root primitives.Hash, chunks []erasure.Chunk, coded *erasure.Coded) (
	d decoded, err error) {
	if err := coder.Recover(root, chunks, coded); err != nil {
		if errors.Is(err, erasure.ErrInvalid) {
			d.actual = rootOf(coder, chunks)
		}
		return d, err
	}
	if d.data, err = candidate.DecodeAvailableData(slices.Clone(coded.Data())); err != nil {
		return decoded{actual: root}, errors.Join(erasure.ErrInvalid, err)
	}
	return d, nil
}

// rootOf is the root of the data that chunks give; zero: they give none.
func rootOf(coder *erasure.Coder, chunks []erasure.Chunk) primitives.Hash {
	var from, into erasure.Coded
	if coder.Reconstruct(chunks, &from) != nil || coder.Encode(from.Data(), &into) != nil {
		return primitives.Hash{}
	}
	return into.Root()
}

// decode turns enough chunks into the answer.
func (r *recovery) decode() {
	coder, root, chunks, room := r.live.coder, r.live.root, r.chunks[:r.need], r.takeRoom()
	subsystem.Offload(r.sub, func() (decoded, error) { return together(coder, root, chunks, room) },
		func(d decoded, err error) {
			r.giveRoom(room)
			switch {
			case r.ended:
			case errors.Is(err, erasure.ErrInvalid):
				r.invalid(d.actual, chunks)
			case err != nil:
				r.fail(err)
			default:
				r.recovered(d.data)
			}
		})
}

// roomKept is for how long memory is kept in which a candidate was put together: another one may follow.
const roomKept = 5 * time.Second

// takeRoom gives memory for putting a candidate together.
func (d *distribution) takeRoom() *erasure.Coded {
	room := d.room
	if d.room = nil; room == nil {
		room = &erasure.Coded{}
	}
	return room
}

func (d *distribution) giveRoom(room *erasure.Coded) {
	d.room = room
	d.sub.After(roomKept, func() {
		if d.room == room {
			d.room = nil
		}
	})
}

func (r *recovery) recovered(data candidate.AvailableData) {
	r.sub.Blobs().Put(data.PoV, chunkLease, func(ref *primitivesv1.BlobRef, err error) {
		if err != nil {
			r.fail(err)
			return
		}
		a := &primitivesv1.AvailableData{
			Pov:            &primitivesv1.PoV{BlockData: ref},
			ValidationData: parachain.ValidationDataMessage(data.ValidationData),
		}
		r.reply(&distributionv1.RecoverAvailableDataResponse{
			Outcome: &distributionv1.RecoverAvailableDataResponse_Data{Data: a}})
	})
}

// invalid answers with the evidence: chunks enough to repeat the decoding, all by reference, since together they may be
// longer than a message.
func (r *recovery) invalid(actual primitives.Hash, chunks []erasure.Chunk) {
	r.sub.Log.Warn("the erasure root of a candidate isn't that of its data", "candidate", r.live.hash.Short())
	evidence := &distributionv1.InvalidEncoding{}
	if !actual.IsZero() {
		evidence.ActualRoot = actual[:]
	}
	open := len(chunks)
	for _, c := range chunks {
		m := header(c)
		evidence.Chunks = append(evidence.Chunks, m)
		r.lay(m, c.Bytes, func(_ *primitivesv1.ErasureChunk, err error) {
			if err != nil {
				r.fail(err)
			}
			if open--; open == 0 {
				r.reply(&distributionv1.RecoverAvailableDataResponse{
					Outcome: &distributionv1.RecoverAvailableDataResponse_Invalid{Invalid: evidence}})
			}
		})
	}
}
