package statements

// Kept is how many candidates the table knows because a validator has seconded them, and how many of its statements it
// keeps.
func (t *Table) Kept(validator uint32) (candidates, statements int) {
	for _, c := range t.candidates { // the order doesn't show in the result
		for _, words := range c.words {
			if len(words) > 0 && words[0].Validator == validator {
				statements += len(words)
			}
		}
	}
	return len(t.seconded[validator]), statements
}

// MostKept is what that can be at most in a group of so many members: Seconded of two candidates, and Valid and Invalid
// of each that a member has seconded.
func MostKept(group int) (candidates, statements int) {
	return maxSeconded, maxSeconded + 2*maxSeconded*group
}
