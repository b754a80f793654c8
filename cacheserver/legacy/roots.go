package legacy

import "path"

// Roots are the first parts of the old server's paths. They belong to the old API,
// whether it is served or not.
func Roots() []string { return []string{path.Dir(Prefix), path.Dir(PrefixTierZero)} }
