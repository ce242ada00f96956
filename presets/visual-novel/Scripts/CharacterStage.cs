using UnityEngine;

namespace Spark.VisualNovel
{
    /// <summary>Two places for characters. Whoever speaks stands in the light, the other steps back.</summary>
    public sealed class CharacterStage : MonoBehaviour
    {
        private const string DefaultPose = "calm";

        [SerializeField] private SpriteRenderer left;
        [SerializeField] private SpriteRenderer right;
        [SerializeField] private CharacterPose[] poses;
        [SerializeField] private Color dimmed = new Color(0.55f, 0.55f, 0.65f);
        [SerializeField, Min(0.1f)] private float dimsPerSecond = 5f;

        private string leftName;
        private string rightName;
        private Color leftTarget = Color.white;
        private Color rightTarget = Color.white;

        /// <summary>Says who stands where; an empty name empties the place.</summary>
        public void Place(string leftCharacter, string rightCharacter)
        {
            Enter(left, leftName, leftCharacter);
            Enter(right, rightName, rightCharacter);
            leftName = leftCharacter;
            rightName = rightCharacter;
        }

        /// <summary>Lights the speaker, in a new pose if there is one. Nobody is dimmed for the narrator.</summary>
        public void Speak(string speaker, string pose)
        {
            bool isLeft = !string.IsNullOrEmpty(speaker) && speaker == leftName;
            bool isRight = !string.IsNullOrEmpty(speaker) && speaker == rightName;
            leftTarget = isRight ? dimmed : Color.white;
            rightTarget = isLeft ? dimmed : Color.white;
            if (string.IsNullOrEmpty(pose)) return;
            if (isLeft) left.sprite = Find(speaker, pose);
            if (isRight) right.sprite = Find(speaker, pose);
        }

        private void Update()
        {
            float share = Time.deltaTime * dimsPerSecond;
            left.color = Color.Lerp(left.color, leftTarget, share);
            right.color = Color.Lerp(right.color, rightTarget, share);
        }

        private void Enter(SpriteRenderer place, string before, string now)
        {
            if (string.IsNullOrEmpty(now)) place.sprite = null;
            else if (before != now) place.sprite = Find(now, DefaultPose);
        }

        private Sprite Find(string character, string pose)
        {
            foreach (CharacterPose each in poses)
                if (each.Is(character, pose)) return each.Sprite;
            Debug.LogWarning("No picture of '" + character + "' in the pose '" + pose + "'.", this);
            return null;
        }
    }
}
