package signbytes

import (
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Collation is a candidate's descriptor without the signature that it will carry.
type Collation struct {
	ParaID                      uint32
	RelayParent                 primitives.Hash
	Collator                    [32]byte
	PersistedValidationDataHash primitives.Hash
	PoVHash                     primitives.Hash
	ErasureRoot                 primitives.Hash
	ValidationCodeHash          primitives.Hash
	ParaHead                    primitives.Hash
}

func (Collation) Kind() Kind { return KindCollation }

// Encode is Payload.Encode; it can't fail.
func (c Collation) Encode() ([]byte, error) {
	w := newWriter(KindCollation, collationSize)
	w.u32(c.ParaID)
	for _, h := range []primitives.Hash{
		c.RelayParent, c.Collator, c.PersistedValidationDataHash, c.PoVHash, c.ErasureRoot, c.ValidationCodeHash,
		c.ParaHead,
	} {
		w.hash(h)
	}
	return w.b, nil
}

func (c Collation) String() string {
	return fmt.Sprintf(
		"collation of para %d at relay parent %s with head %s", c.ParaID, c.RelayParent.Short(), c.ParaHead.Short(),
	)
}

func decodeCollation(r *reader) Collation {
	return Collation{
		ParaID: r.u32(), RelayParent: r.hash(), Collator: r.hash(), PersistedValidationDataHash: r.hash(),
		PoVHash: r.hash(), ErasureRoot: r.hash(), ValidationCodeHash: r.hash(), ParaHead: r.hash(),
	}
}
