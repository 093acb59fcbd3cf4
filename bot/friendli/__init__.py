"""Client of Friendli's Dedicated Endpoints API."""
