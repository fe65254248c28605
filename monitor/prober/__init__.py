"""The prober: looks at everything on time, in processes of its own, and accounts for every slot."""
