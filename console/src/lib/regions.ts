/** validRegion reports whether a text may name a region; each such name is there from the start. */
export const validRegion = (name: string) => /^[a-z]{2}(-[a-z]+)+-[0-9]$/.test(name);

/** The regions of AWS, as suggestions, by continent. */
export const regions = {
  unitedStates: ['us-east-1', 'us-east-2', 'us-west-1', 'us-west-2'],
  asiaPacific: [
    'ap-east-1',
    'ap-east-2',
    'ap-northeast-1',
    'ap-northeast-2',
    'ap-northeast-3',
    'ap-south-1',
    'ap-south-2',
    'ap-southeast-1',
    'ap-southeast-2',
    'ap-southeast-3',
    'ap-southeast-4',
    'ap-southeast-5',
    'ap-southeast-7',
  ],
  europe: [
    'eu-central-1',
    'eu-central-2',
    'eu-north-1',
    'eu-south-1',
    'eu-south-2',
    'eu-west-1',
    'eu-west-2',
    'eu-west-3',
  ],
  americas: ['ca-central-1', 'ca-west-1', 'mx-central-1', 'sa-east-1'],
  middleEastAfrica: ['af-south-1', 'il-central-1', 'me-central-1', 'me-south-1'],
} as const;

export type Continent = keyof typeof regions;
export const continents = Object.keys(regions) as Continent[];
