/*
 * words.c - the lists, written for this file.
 *
 * A word that is added, removed or moved changes what is made of every value:
 * not between two releases that should make the same.
 */

#include "base/hr.h"

#include "rule/words.h"

static const char *const first[] = {
	"Ada", "Adam", "Adele", "Adrian", "Agnes", "Aiko", "Aisha", "Akira", "Alan", "Albert",
	"Alejandro", "Alessia", "Alex", "Alexandra", "Alfred", "Ali", "Alice", "Alicia", "Alina",
	"Amal", "Amara", "Amelia", "Amir", "Amit", "Amy", "Ana", "Anders", "Andre", "Andrea",
	"Andrew", "Angela", "Anika", "Anita", "Anja", "Anna", "Anne", "Anthony", "Anton",
	"Antonio", "Arjun", "Arthur", "Asha", "Astrid", "Aurora", "Ayse", "Barbara", "Beatriz",
	"Ben", "Benjamin", "Bianca", "Bjorn", "Boris", "Brian", "Bruno", "Camila", "Carla",
	"Carlos", "Carmen", "Caroline", "Catherine", "Cecilia", "Charles", "Charlotte", "Chen",
	"Chiara", "Chinedu", "Chloe", "Christian", "Christine", "Claire", "Clara", "Claudia",
	"Colin", "Cristina", "Daniel", "Daniela", "Dariusz", "David", "Deepa", "Denise", "Diana",
	"Diego", "Dimitri", "Dina", "Dmitri", "Dora", "Edgar", "Edith", "Eduardo", "Edward",
	"Elena", "Eli", "Elif", "Elin", "Elisa", "Elizabeth", "Ella", "Emil", "Emilia", "Emily",
	"Emma", "Emre", "Enrique", "Erik", "Erika", "Ernest", "Esther", "Eva", "Evelyn", "Fatima",
	"Felipe", "Felix", "Fernanda", "Fernando", "Filip", "Fiona", "Florian", "Frances",
	"Francesca", "Francisco", "Frank", "Freya", "Gabriel", "Gabriela", "George", "Georgia",
	"Gerard", "Giovanni", "Giulia", "Grace", "Greta", "Guillaume", "Gustav", "Hana", "Hannah",
	"Hans", "Haruto", "Hasan", "Hassan", "Helen", "Helena", "Henrik", "Henry", "Hiroshi",
	"Hugo", "Ibrahim", "Ida", "Ines", "Ingrid", "Irene", "Irina", "Iris", "Isaac", "Isabel",
	"Isabella", "Ivan", "Jack", "Jacob", "James", "Jamila", "Jan", "Jana", "Jane", "Janet",
	"Jasmine", "Javier", "Jean", "Jennifer", "Jens", "Joan", "Joanna", "Joao", "Johan",
	"Johanna", "John", "Jonas", "Jorge", "Jose", "Joseph", "Juan", "Judith", "Julia", "Julian",
	"Julie", "Julien", "Jun", "Karen", "Karim", "Karin", "Karl", "Katarina", "Kate",
	"Kathleen", "Kavita", "Keiko", "Kenji", "Kevin", "Khalid", "Kim", "Kwame", "Lara", "Lars",
	"Laura", "Layla", "Lea", "Lena", "Leo", "Leon", "Leonor", "Liam", "Lidia", "Lily", "Lin",
	"Lina", "Linda", "Linh", "Lisa", "Lorenzo", "Louis", "Louise", "Luca", "Lucas", "Lucia",
	"Lucy", "Luis", "Luisa", "Lukas", "Magnus", "Maja", "Marco", "Margaret", "Maria", "Mariam",
	"Marie", "Marina", "Mario", "Mark", "Marta", "Martha", "Martin", "Mary", "Mateo",
	"Matilda", "Matteo", "Matthew", "Max", "Maya", "Mehmet", "Mei", "Mia", "Michael",
	"Michele", "Miguel", "Mika", "Mila", "Milan", "Min", "Mina", "Miriam", "Mohan", "Mona",
	"Monica", "Moses", "Nadia", "Naomi", "Natalia", "Natasha", "Nelson", "Nia", "Nicolas",
	"Nicole", "Nikhil", "Nils", "Nina", "Noah", "Noor", "Nora", "Olga", "Oliver", "Olivia",
	"Omar", "Oscar", "Otto", "Pablo", "Paola", "Patricia", "Patrick", "Paul", "Paula", "Pedro",
	"Peter", "Petra", "Philip", "Pierre", "Pilar", "Priya", "Rachel", "Rafael", "Rahul",
	"Ravi", "Rebecca", "Renata", "Ricardo", "Richard", "Rita", "Robert", "Roberto", "Rohan",
	"Rosa", "Rose", "Ruth", "Samir", "Samuel", "Sandra", "Sanjay", "Sara", "Sarah", "Sean",
	"Sebastian", "Selma", "Sergei", "Silvia", "Simon", "Simone", "Sofia", "Sonia", "Stefan",
	"Stella", "Stephen", "Susan", "Sven", "Tamara", "Tariq", "Tariro", "Teresa", "Thomas",
	"Tomas", "Ulrich", "Uma", "Ursula", "Valentina", "Vera", "Veronica", "Victor", "Victoria",
	"Vikram", "Vincent", "Viola", "Walter", "Wei", "Wendy", "William", "Xavier", "Yara",
	"Yasmin", "Yuki", "Yusuf", "Yvonne", "Zara", "Zoe",
};

static const char *const last[] = {
	"Abbott", "Abe", "Adams", "Adeyemi", "Ahmed", "Akhtar", "Ali", "Allen", "Almeida",
	"Alvarez", "Andersen", "Anderson", "Ando", "Andrade", "Aoki", "Araujo", "Arnold", "Asante",
	"Aydin", "Bailey", "Baker", "Banda", "Banerjee", "Barbosa", "Barnes", "Bauer", "Becker",
	"Bell", "Bennett", "Berg", "Bergman", "Bianchi", "Blanc", "Boateng", "Bonnet", "Braun",
	"Brooks", "Brown", "Bruno", "Burke", "Burns", "Butler", "Campbell", "Campos", "Cardoso",
	"Carlsen", "Carpenter", "Carter", "Castillo", "Castro", "Celik", "Chan", "Chandra",
	"Chang", "Chapman", "Chavez", "Chen", "Cheng", "Choi", "Clark", "Clarke", "Cohen", "Cole",
	"Coleman", "Collins", "Colombo", "Conti", "Cook", "Cooper", "Correia", "Costa", "Cox",
	"Cruz", "Dahl", "Dalton", "Das", "Davies", "Davis", "Dawson", "Demir", "Desai", "Diallo",
	"Dias", "Diaz", "Dietrich", "Dixon", "Dogan", "Duarte", "Dubois", "Dumas", "Duncan",
	"Dupont", "Durand", "Edwards", "Ekberg", "Eklund", "Eriksen", "Eriksson", "Espinoza",
	"Esposito", "Evans", "Fabre", "Farah", "Faure", "Felix", "Fernandes", "Fernandez",
	"Ferrari", "Ferreira", "Fischer", "Fisher", "Flores", "Fontaine", "Ford", "Foster",
	"Fournier", "Fox", "Franco", "Frank", "Fuchs", "Fujita", "Gallo", "Garcia", "Garnier",
	"Gibson", "Gill", "Girard", "Gomes", "Gomez", "Gonzalez", "Gordon", "Goto", "Graham",
	"Grant", "Gray", "Greco", "Green", "Gruber", "Gupta", "Gustafsson", "Haas", "Haddad",
	"Hall", "Hamid", "Hansen", "Harris", "Harrison", "Hart", "Hartmann", "Hassan", "Hayashi",
	"Hayes", "Henderson", "Hernandez", "Herrera", "Hill", "Hoang", "Hoffmann", "Holm",
	"Horvat", "Howard", "Huang", "Huber", "Hughes", "Hunt", "Hussain", "Ibrahim", "Ito",
	"Ivanov", "Ivanova", "Iyer", "Jackson", "Jacobs", "Jansen", "Jensen", "Jimenez",
	"Johansen", "Johansson", "Johnson", "Jones", "Jung", "Kamau", "Kaminski", "Kang", "Kapoor",
	"Karlsson", "Kato", "Kaya", "Keller", "Kelly", "Kennedy", "Khan", "Kim", "King", "Klein",
	"Knight", "Kobayashi", "Koch", "Kovacs", "Kowalski", "Kraus", "Kruger", "Kumar", "Lam",
	"Lambert", "Lang", "Larsen", "Larsson", "Laurent", "Lee", "Lehmann", "Leroy", "Lewis",
	"Li", "Lim", "Lin", "Lindberg", "Lindgren", "Liu", "Lopes", "Lopez", "Lund", "Lundgren",
	"Ma", "Maier", "Malik", "Mancini", "Mann", "Marino", "Marques", "Marshall", "Martin",
	"Martinez", "Martins", "Mason", "Matsuda", "Mayer", "Mbeki", "Medina", "Mehta", "Mendes",
	"Mendoza", "Mensah", "Mercier", "Meyer", "Miller", "Mills", "Mishra", "Mitchell", "Molina",
	"Moore", "Morales", "Moreau", "Moreno", "Morgan", "Mori", "Morris", "Moser", "Moyo",
	"Murphy", "Murray", "Myers", "Nakamura", "Navarro", "Ndiaye", "Nelson", "Neumann",
	"Nguyen", "Nielsen", "Nilsson", "Nkosi", "Novak", "Nowak", "Nunes", "Oconnor", "Okafor",
	"Okeke", "Oliveira", "Olsen", "Olsson", "Ortega", "Ortiz", "Osei", "Ozturk", "Palmer",
	"Papadakis", "Park", "Parker", "Patel", "Pavlov", "Pearson", "Pereira", "Perez", "Perrin",
	"Petersen", "Peterson", "Petrov", "Pham", "Phillips", "Pinto", "Popescu", "Porter",
	"Powell", "Price", "Quinn", "Ramirez", "Ramos", "Rao", "Reddy", "Reed", "Reid", "Reyes",
	"Ribeiro", "Ricci", "Richards", "Richter", "Rivera", "Roberts", "Robinson", "Rocha",
	"Rodriguez", "Rogers", "Romano", "Romero", "Rose", "Ross", "Rossi", "Roux", "Ruiz",
	"Russell", "Russo", "Ryan", "Saito", "Salazar", "Salem", "Sanchez", "Sanders", "Santos",
	"Sato", "Schmid", "Schmidt", "Schneider", "Scholz", "Schreiber", "Schroeder", "Schulz",
	"Schwarz", "Scott", "Shah", "Sharma", "Shaw", "Silva", "Simon", "Simpson", "Singh",
	"Smith", "Soares", "Sokolov", "Solberg", "Soto", "Souza", "Stewart", "Stone", "Suzuki",
	"Svensson", "Takahashi", "Tan", "Tanaka", "Taylor", "Teixeira", "Thomas", "Thompson",
	"Torres", "Tran", "Tucker", "Turner", "Varga", "Vargas", "Vasquez", "Vega", "Vieira",
	"Vogel", "Wagner", "Walker", "Wallace", "Walsh", "Walter", "Wang", "Ward", "Watanabe",
	"Watson", "Weber", "Weiss", "Wells", "West", "White", "Williams", "Wilson", "Winkler",
	"Wolf", "Wong", "Wood", "Wright", "Wu", "Yamada", "Yamamoto", "Yang", "Yildiz", "Young",
	"Zhang", "Zhao", "Zhou", "Ziegler", "Zimmermann",
};

static const char *const street[] = {
	"Abbey", "Acacia", "Alder", "Almond", "Amber", "Anchor", "Apple", "Apricot", "Arch", "Ash",
	"Aspen", "Autumn", "Bakery", "Bank", "Barley", "Basin", "Bay", "Beach", "Beacon", "Beech",
	"Bell", "Birch", "Blossom", "Boundary", "Bramble", "Brewery", "Briar", "Bridge", "Broad",
	"Brook", "Buttercup", "Canal", "Castle", "Cathedral", "Cedar", "Central", "Chapel",
	"Cherry", "Chestnut", "Church", "Circle", "Clay", "Clearwater", "Cliff", "Clover",
	"College", "Copper", "Coral", "Corner", "Cottage", "Court", "Cross", "Crown", "Curlew",
	"Cypress", "Daisy", "Dale", "Dawn", "Depot", "Dock", "Dove", "East", "Elder", "Elm",
	"Fairview", "Falcon", "Farm", "Feather", "Fern", "Ferry", "Field", "Fig", "Fir", "Fisher",
	"Flint", "Florist", "Forest", "Forge", "Foundry", "Fountain", "Fox", "Garden", "Garnet",
	"Gate", "Glen", "Golden", "Grange", "Granite", "Grape", "Green", "Grove", "Gull", "Hall",
	"Harbor", "Harvest", "Haven", "Hawthorn", "Hazel", "Heath", "Heather", "Hedge", "Heron",
	"High", "Hill", "Hillside", "Holly", "Honey", "Hop", "Horizon", "Iris", "Island", "Ivy",
	"Jasmine", "Juniper", "Kestrel", "Kiln", "King", "Kite", "Lagoon", "Lake", "Lantern",
	"Larch", "Lark", "Laurel", "Lavender", "Lemon", "Library", "Lighthouse", "Lilac", "Lime",
	"Linden", "Lock", "Long", "Magnolia", "Main", "Manor", "Maple", "Marble", "Market",
	"Marsh", "Mason", "Meadow", "Mill", "Mint", "Monument", "Moor", "Moss", "Mulberry",
	"Museum", "Myrtle", "New", "North", "Oak", "Olive", "Orange", "Orchard", "Osprey", "Otter",
	"Park", "Pasture", "Peach", "Pear", "Pebble", "Pier", "Pine", "Plum", "Poplar", "Poppy",
	"Potter", "Primrose", "Quarry", "Quay", "Queen", "Rail", "Rainbow", "Reed", "Ridge",
	"River", "Robin", "Rose", "Rosemary", "Rowan", "Saddle", "Saffron", "Sage", "Sand",
	"School", "Shepherd", "Shore", "Silver", "Smith", "South", "Sparrow", "Spring", "Spruce",
	"Square", "Starling", "Station", "Stone", "Summer", "Sunset", "Swallow", "Swan",
	"Sycamore", "Tanner", "Temple", "Terrace", "Thistle", "Thyme", "Timber", "Tower", "Tulip",
	"Union", "Upper", "Valley", "Victoria", "View", "Vine", "Violet", "Walnut", "Water",
	"Weaver", "Well", "West", "Wharf", "Wheat", "Willow", "Wind", "Windmill", "Wood", "Wren",
	"Yarrow", "Yew",
};

static const char *const way[] = {
	"Avenue", "Close", "Court", "Drive", "Lane", "Place", "Road", "Square", "Street",
	"Terrace", "Walk", "Way",
};

static const char *const city[] = {
	"Aalborg", "Aarhus", "Abuja", "Accra", "Adelaide", "Agadir", "Albany", "Algiers",
	"Alicante", "Amiens", "Amman", "Amsterdam", "Ankara", "Antwerp", "Arequipa", "Asuncion",
	"Athens", "Atlanta", "Auckland", "Austin", "Baku", "Baltimore", "Bamako", "Bangalore",
	"Bangkok", "Barcelona", "Bari", "Basel", "Bath", "Beirut", "Belfast", "Belgrade", "Bergen",
	"Berlin", "Bern", "Bilbao", "Birmingham", "Bogota", "Bologna", "Bonn", "Bordeaux",
	"Boston", "Brasilia", "Bratislava", "Bremen", "Brescia", "Brest", "Brighton", "Brisbane",
	"Bristol", "Brno", "Brussels", "Bucharest", "Budapest", "Buffalo", "Burgas", "Busan",
	"Caen", "Cairo", "Calgary", "Cambridge", "Canberra", "Cardiff", "Cartagena", "Casablanca",
	"Catania", "Chennai", "Chester", "Chicago", "Cincinnati", "Cleveland", "Cologne",
	"Columbus", "Copenhagen", "Cordoba", "Cork", "Coventry", "Cracow", "Curitiba", "Daegu",
	"Dakar", "Dallas", "Darwin", "Debrecen", "Delft", "Denver", "Derby", "Detroit", "Dhaka",
	"Dijon", "Dortmund", "Dresden", "Dublin", "Dundee", "Durban", "Edinburgh", "Eindhoven",
	"Erfurt", "Espoo", "Essen", "Exeter", "Faro", "Florence", "Fortaleza", "Frankfurt",
	"Freiburg", "Fukuoka", "Galway", "Gdansk", "Geneva", "Genoa", "Ghent", "Gijon", "Glasgow",
	"Gothenburg", "Granada", "Graz", "Grenoble", "Groningen", "Guadalajara", "Halifax",
	"Hamburg", "Hamilton", "Hannover", "Hanoi", "Harare", "Havana", "Heidelberg", "Helsinki",
	"Hiroshima", "Hobart", "Houston", "Hyderabad", "Incheon", "Indianapolis", "Innsbruck",
	"Istanbul", "Izmir", "Jaipur", "Jakarta", "Johannesburg", "Kampala", "Karachi", "Kiel",
	"Kigali", "Kingston", "Kobe", "Kolkata", "Kosice", "Kumasi", "Kyoto", "Lagos", "Lausanne",
	"Leeds", "Leicester", "Leiden", "Leipzig", "Leon", "Lille", "Lima", "Limerick", "Limoges",
	"Linz", "Lisbon", "Liverpool", "Ljubljana", "Lodz", "London", "Lublin", "Lusaka",
	"Luxembourg", "Lyon", "Madrid", "Malaga", "Malmo", "Manchester", "Manila", "Maputo",
	"Marseille", "Medellin", "Melbourne", "Memphis", "Milan", "Minneapolis", "Mombasa",
	"Montevideo", "Montpellier", "Montreal", "Mumbai", "Munich", "Murcia", "Nagoya", "Nairobi",
	"Nancy", "Nantes", "Naples", "Nashville", "Newcastle", "Nice", "Norwich", "Nottingham",
	"Odense", "Oporto", "Orleans", "Osaka", "Oslo", "Ostrava", "Ottawa", "Oulu", "Oviedo",
	"Oxford", "Padua", "Palermo", "Palma", "Panama", "Paris", "Parma", "Perth", "Perugia",
	"Phoenix", "Pilsen", "Pisa", "Plovdiv", "Plymouth", "Portland", "Porto", "Potsdam",
	"Poznan", "Prague", "Pretoria", "Pune", "Quebec", "Quito", "Rabat", "Recife", "Regina",
	"Reims", "Rennes", "Riga", "Rome", "Rostock", "Rotterdam", "Rouen", "Salvador", "Salzburg",
	"Santiago", "Sapporo", "Seattle", "Sendai", "Seoul", "Seville", "Sheffield", "Singapore",
	"Skopje", "Sofia", "Split", "Stavanger", "Stockholm", "Strasbourg", "Stuttgart", "Suva",
	"Sydney", "Szeged", "Taipei", "Tallinn", "Tampere", "Tartu", "Tbilisi", "Tirana", "Tokyo",
	"Toledo", "Toronto", "Toulouse", "Trento", "Trieste", "Tromso", "Trondheim", "Tucson",
	"Tunis", "Turin", "Turku", "Uppsala", "Utrecht", "Valencia", "Vancouver", "Varna",
	"Venice", "Verona", "Vienna", "Vigo", "Vilnius", "Warsaw", "Wellington", "Windsor",
	"Winnipeg", "Wroclaw", "York", "Zagreb", "Zaragoza", "Zurich",
};

static const char *const quality[] = {
	"Able", "Alpine", "Amber", "Apex", "Arctic", "Aspen", "Atlas", "Aurora", "Autumn", "Azure",
	"Beacon", "Blue", "Bold", "Bright", "Bronze", "Calm", "Cedar", "Central", "Clear",
	"Clever", "Coastal", "Cobalt", "Compass", "Copper", "Coral", "Crimson", "Crystal", "Dawn",
	"Delta", "Eager", "Eastern", "Echo", "Elm", "Ember", "Emerald", "Evergreen", "Fair",
	"First", "Gentle", "Golden", "Grand", "Granite", "Green", "Harbor", "Harvest", "High",
	"Honest", "Horizon", "Humble", "Indigo", "Iron", "Ivory", "Jade", "Keen", "Kind",
	"Lakeside", "Laurel", "Light", "Lively", "Lunar", "Maple", "Marine", "Meadow", "Merry",
	"Midland", "Mint", "Modern", "Morning", "Noble", "Nordic", "Northern", "Nova", "Oak",
	"Ocean", "Olive", "Opal", "Open", "Orchid", "Pacific", "Pearl", "Pine", "Pioneer", "Polar",
	"Prime", "Proud", "Quartz", "Quick", "Quiet", "Rapid", "River", "Royal", "Ruby", "Rustic",
	"Saffron", "Sapphire", "Scarlet", "Silver", "Simple", "Solar", "Solid", "Southern",
	"Spring", "Stellar", "Sterling", "Summit", "Sunny", "Swift", "Teal", "Timber", "True",
	"United", "Urban", "Valley", "Velvet", "Verdant", "Violet", "Vivid", "Warm", "Western",
	"White", "Wide", "Wild", "Willow", "Winter", "Wise", "Young",
};

static const char *const trade[] = {
	"Analytics", "Apparel", "Appliances", "Architects", "Bakery", "Beverages", "Bikes",
	"Boats", "Books", "Builders", "Cameras", "Carpets", "Ceramics", "Chemicals", "Clinics",
	"Clothing", "Coatings", "Coffee", "Components", "Computing", "Construction", "Consulting",
	"Containers", "Controls", "Cosmetics", "Courier", "Dairy", "Data", "Dental", "Design",
	"Devices", "Diagnostics", "Digital", "Displays", "Electric", "Electronics", "Energy",
	"Engineering", "Engines", "Equipment", "Events", "Fabrics", "Farms", "Fashion", "Fibers",
	"Films", "Filters", "Finance", "Fittings", "Floors", "Flowers", "Foods", "Footwear",
	"Forestry", "Freight", "Fruits", "Furniture", "Games", "Gardens", "Gears", "Glass",
	"Goods", "Graphics", "Hardware", "Health", "Heating", "Holdings", "Homes", "Hotels",
	"Housing", "Imaging", "Imports", "Industries", "Instruments", "Insurance", "Interiors",
	"Jewelry", "Kitchens", "Labels", "Laboratories", "Lamps", "Leather", "Lenses", "Lighting",
	"Logistics", "Machines", "Marine", "Markets", "Materials", "Media", "Medical", "Metals",
	"Mills", "Mobility", "Motors", "Museum", "Music", "Networks", "Nutrition", "Optics",
	"Outdoors", "Packaging", "Paints", "Paper", "Partners", "Parts", "Pharma", "Photonics",
	"Pictures", "Plastics", "Plumbing", "Polymers", "Power", "Press", "Printing", "Processing",
	"Products", "Properties", "Pumps", "Rail", "Recycling", "Refining", "Rentals", "Research",
	"Resources", "Robotics", "Roofing", "Sails", "Seeds", "Sensors", "Services", "Shipping",
	"Software", "Solutions", "Sports", "Steel", "Storage", "Studios", "Supplies", "Surveying",
	"Systems", "Tea", "Technologies", "Telecom", "Textiles", "Timber", "Tools", "Tours",
	"Toys", "Trading", "Transport", "Travel", "Valves", "Vehicles", "Ventures", "Vineyards",
	"Watches", "Water", "Wheels", "Windows", "Works",
};

static const char *const form[] = {
	"AB", "AS", "BV", "Co", "GmbH", "Group", "Inc", "LLC", "Ltd", "Oy", "SA", "SpA",
};

static const char *const domain[] = {
	"acorn", "almond", "anchor", "apple", "arrow", "aspen", "atlas", "autumn", "badger",
	"bamboo", "barley", "basil", "basket", "beacon", "birch", "bison", "blossom", "bluebell",
	"boulder", "breeze", "bridge", "brook", "buffalo", "butter", "cactus", "camel", "candle",
	"canvas", "canyon", "cardinal", "carrot", "castle", "cedar", "cello", "chalk", "cherry",
	"chestnut", "cinnamon", "citrus", "clay", "clover", "cobalt", "coconut", "comet",
	"compass", "copper", "coral", "cotton", "coyote", "crane", "cricket", "crystal", "cypress",
	"daisy", "dawn", "delta", "dolphin", "dove", "dragonfly", "dune", "eagle", "echo", "elm",
	"ember", "emerald", "falcon", "feather", "fern", "fiddle", "finch", "fjord", "flint",
	"flute", "forest", "fossil", "fountain", "fox", "galaxy", "garden", "garnet", "gazelle",
	"ginger", "glacier", "granite", "grape", "grove", "gull", "harbor", "hazel", "heath",
	"heron", "hickory", "hill", "honey", "horizon", "indigo", "iris", "island", "ivory", "ivy",
	"jade", "jasmine", "juniper", "kayak", "kelp", "kestrel", "kite", "koala", "lagoon",
	"lake", "lantern", "larch", "lark", "laurel", "lavender", "lemon", "lilac", "lime",
	"linden", "lotus", "lynx", "magnolia", "magpie", "mango", "maple", "marble", "marigold",
	"marsh", "meadow", "melon", "mesa", "mint", "moon", "moose", "moss", "mulberry", "mustard",
	"myrtle", "nectar", "nutmeg", "oak", "oasis", "ocean", "olive", "onyx", "opal", "orange",
	"orbit", "orchard", "orchid", "oriole", "osprey", "otter", "owl", "oyster", "palm",
	"panda", "papaya", "parsley", "peach", "pearl", "pebble", "pelican", "penguin", "pepper",
	"piano", "pigeon", "pine", "planet", "plum", "polar", "pollen", "poppy", "prairie",
	"prism", "puffin", "pumpkin", "quail", "quartz", "quince", "rabbit", "radish", "rain",
	"raven", "reef", "ridge", "river", "robin", "rose", "rowan", "ruby", "saffron", "sage",
	"salmon", "sandal", "sapphire", "sequoia", "shell", "sierra", "silver", "sky", "slate",
	"snow", "sparrow", "spruce", "star", "stone", "stork", "stream", "summit", "sun",
	"swallow", "swan", "sycamore", "tango", "teal", "thistle", "thunder", "thyme", "tiger",
	"topaz", "trout", "tulip", "tundra", "turtle", "valley", "vanilla", "velvet", "violet",
	"walnut", "water", "wave", "willow", "wind", "winter", "wolf", "wren", "yarrow", "zebra",
	"zephyr", "zinc",
};

#define LIST(a) { a, HR_COUNT(a) }

static const struct {
	const char *const *word;
	size_t n;
} list[] = {
	[HR_WORDS_FIRST] = LIST(first),
	[HR_WORDS_LAST] = LIST(last),
	[HR_WORDS_STREET] = LIST(street),
	[HR_WORDS_WAY] = LIST(way),
	[HR_WORDS_CITY] = LIST(city),
	[HR_WORDS_QUALITY] = LIST(quality),
	[HR_WORDS_TRADE] = LIST(trade),
	[HR_WORDS_FORM] = LIST(form),
	[HR_WORDS_DOMAIN] = LIST(domain),
};

size_t
hr_words_count(enum hr_words which)
{
	return list[which].n;
}

const char *
hr_words_get(enum hr_words which, uint32_t any)
{
	return list[which].word[any % list[which].n];
}
