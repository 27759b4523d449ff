package snowman

// places bounds the blocks at the VM and in the tree, so that a flood of valid blocks by one validator keeps nobody
// else's from being verified and issued.
type places struct {
	all int // Parameters.MaxOutstandingItems
	own int // of one account
}

// ofOutstanding is an account's least part of all places: more than an honest validator proposes on one chain without
// seeing any decided.
const ofOutstanding = 16

func newPlaces(outstanding, validators int) places {
	return places{all: outstanding, own: part(outstanding, ofOutstanding, validators)}
}

// free tells whether one more block of an account may go to the VM when so many of all are taken. Whoever has none gets
// one, also when others have taken all.
func (p places) free(u use, taken int) bool {
	if u.verifying+u.issued == 0 {
		return true
	}
	return u.verifying < maxVerifying && u.verifying+u.issued < p.own && taken < p.all
}
